"""How often images are told to lie off their place: where they do, by a forgotten offset, and where not."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace

from sigden import JointWiener
from sigden.multiband import DisplacedImageWarning, Grid, Observation
from sigden.simulate.scene import Scene, scene

SIZE, PSF_SIZE = 128, 61
PARTS = (slice(0, 80), slice(48, 128))
"""Rows and columns of windows that end among the sources, which lie in the middle of the field."""


def observations(sky: Scene, window: tuple[slice, slice]) -> list[Observation]:
    """Window of VIS and of the Rubin bands; it begins and ends between two Rubin pixels."""
    out = []
    for shown in sky.images():
        step = round(shown["scale"] / sky.scale)
        part = tuple(slice(s.start // step, s.stop // step) for s in window)
        out.append(Observation(**{**shown, "image": shown["image"][part]}))
    return out


def told(seen: Sequence[Observation], sky: Scene) -> bool:
    """Whether a joint method warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DisplacedImageWarning)
        JointWiener().prior(seen, Grid(seen[0].shape, sky.scale), sky.response)
    return any(issubclass(w.category, DisplacedImageWarning) for w in caught)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=60)
    parser.add_argument("--first", type=int, default=900, help="seed of the first field")
    options = parser.parse_args()
    whole = [(slice(0, SIZE),) * 2]
    cut = [(rows, columns) for rows in PARTS for columns in PARTS]
    fields = [scene(seed=options.first + i, size=SIZE, psf_size=PSF_SIZE) for i in range(options.fields)]
    print(f"{options.fields} fields from seed {options.first} on")
    for name, windows in (("sources within the image", whole), ("sources at its border", cut)):
        right, wrong = 0, 0
        for i, sky in enumerate(fields):
            seen = observations(sky, windows[i % len(windows)])
            right += told(seen, sky)
            wrong += told([seen[0], *(replace(o, offset=(0.0, 0.0)) for o in seen[1:])], sky)
        print(f"{name:25s} warned {right} times, with the offset forgotten {wrong} times", flush=True)


if __name__ == "__main__":
    main()
