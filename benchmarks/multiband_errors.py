"""How often the error maps of the joint methods hold the truth: in sky, outskirts and cores of sources.

The fields are those of `sigden.simulate.scene`, or of any script with a function ``make(seed, depth)`` that
gives images, PSFs, noise and truth of VIS and r, i, z in a dictionary (`--simulator`).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sigden import JointSparse, JointWiener
from sigden.multiband import Grid, Observation
from sigden.simulate.scene import scene

BANDS = "riz"
BORDER, CORE, REACH = 8, 3, 12  # pixels
GOAL = "goal: rms 0.9 to 1.1, 63 to 73 % within one standard error"


@dataclass(frozen=True, eq=False)
class Field:
    """What a method sees of one field, with its truth and the places (row, column) of its sources."""

    observations: list[Observation]
    grid: Grid
    response: dict[str, dict[str, float]]
    truth: Any
    places: list[tuple[float, float]]
    sigma: float


def observed(shown: dict[str, Any], truth: Any, places: list[tuple[float, float]]) -> Field:
    """Field of a script's VIS and Rubin images, with Rubin pixels of two by two VIS pixels."""
    scale = float(shown["scale"])
    sigma = float(shown["sigma_vis"])
    out = [Observation(shown["vis"], shown["psf_vis"], "VIS", sigma=sigma, scale=scale)]
    images = zip(BANDS, shown["rubin"], shown["psf_rubin"], shown["sigma_rubin"], strict=True)
    for band, image, psf, error in images:
        place = {"scale": 2 * scale, "offset": (scale / 2, scale / 2), "psf_scale": scale}
        out.append(Observation(image, psf, band, sigma=float(error), **place))
    response = {"VIS": dict(zip(BANDS, map(float, shown["alpha"]), strict=True))}
    return Field(out, Grid(shown["vis"].shape, scale), response, truth, places, sigma)


def simulated(seed: int) -> Field:
    """Field of `sigden.simulate.scene`."""
    field = scene(seed=seed)
    seen = [Observation(**image) for image in field.images()]
    places = [(s.row, s.column) for s in field.catalogue]
    grid = Grid(field.vis.shape, field.scale)
    return Field(seen, grid, field.response, field.truth, places, float(field.sigma_vis))


def scripted(script: Path, seed: int, depth: str) -> Field:
    """Field that a script's ``make(seed, depth)`` draws; its catalogue holds (column, row, star)."""
    spec = importlib.util.spec_from_file_location("simulator", script)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{script}: no Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.make(seed, depth)
    return observed(made, made["truth"], [(row, column) for column, row, *_ in made["cat"]])


def regions(field: Field) -> dict[str, Any]:
    """Pixels of the sky, of the outskirts and of the cores of sources."""
    rows, columns = np.indices(field.grid.shape)
    apart = np.min([np.hypot(rows - row, columns - column) for row, column in field.places], axis=0)
    inside = np.zeros(field.grid.shape, bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    light = field.truth.sum(axis=0) > field.sigma
    return {
        "sky": inside & (apart >= REACH) & ~light,
        "outskirts": inside & (apart >= CORE) & (apart < REACH) & light,
        "cores": inside & (apart < CORE),
    }


def standardised(method: Any, fields: Sequence[Field]) -> dict[str, Any]:
    """Error over standard error in all bands and fields, of each region."""
    errors: dict[str, list[Any]] = {"sky": [], "outskirts": [], "cores": []}
    for field in fields:
        result = method(field.observations, field.grid, response=field.response)
        standard = (result.estimate - field.truth) / result.uncertainty
        for name, where in regions(field).items():
            errors[name].append(standard[:, where].ravel())
    return {name: np.concatenate(parts) for name, parts in errors.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--first", type=int, default=500, help="seed of the first scene")
    parser.add_argument("--simulator", type=Path, help="script with make(seed, depth); else sigden's own")
    parser.add_argument("--depth", default="10yr", help="what the script is asked for")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.scenes)
    if options.simulator is None:
        fields = [simulated(seed) for seed in seeds]
    else:
        fields = [scripted(options.simulator, seed, options.depth) for seed in seeds]
    sys.stdout.write(GOAL + "\n")
    for method in (JointWiener(), JointSparse()):
        for name, z in standardised(method, fields).items():
            sys.stdout.write(
                f"{method.name():12} {name:10} rms {np.sqrt(np.mean(z**2)):.2f}   "
                f"within one standard error {100 * np.mean(np.abs(z) < 1):.1f} %   mean {z.mean():+.2f}\n"
            )


if __name__ == "__main__":
    main()
