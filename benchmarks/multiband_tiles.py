"""Error of tiles against truth and against one solve, by halo and cross-fade."""

import argparse
import platform

import numpy as np

from sigden import JointSparse, JointWiener
from sigden.metrics import nmse
from sigden.multiband import Grid, Observation, deconvolve_tiles
from sigden.simulate.scene import scene

EDGE = 48
CASES = ((8, 4), (16, 8), (32, 16), (48, 24), (48, 0))


def field(seed, size):
    sky = scene(seed=seed, size=size, galaxies=24)
    seen = [Observation(**image) for image in sky.images()]
    return sky, seen, Grid(sky.vis.shape, sky.scale), sky.response


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--tile", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104])
    options = parser.parse_args()
    print(f"{platform.machine()}, {options.size} pixels in tiles of {options.tile}, seeds {options.seeds}")
    print(
        "squared error: of the truth's squared light; difference: rms from one solve over its error; inside: "
        f"{EDGE} pixels from the border, which one solve takes as periodic"
    )
    fields = [field(seed, options.size) for seed in options.seeds]
    for method in (JointSparse(), JointWiener()):
        wholes = [method(seen, grid, response=response) for _, seen, grid, response in fields]
        errors = [error(whole, sky) for whole, (sky, *_) in zip(wholes, fields, strict=True)]
        print(f"{method.name():12} one solve               squared error {np.median(errors):.4f}", flush=True)
        for halo, fade in CASES:
            errors, differences, inside = [], [], []
            for whole, (sky, seen, grid, response) in zip(wholes, fields, strict=True):
                found = deconvolve_tiles(
                    method, seen, grid, response=response, tile=options.tile, halo=halo, crossfade=fade
                )
                errors.append(error(found, sky))
                apart = (found.estimate - whole.estimate) / whole.uncertainty
                differences.append(np.sqrt(np.mean(apart**2)))
                inside.append(np.sqrt(np.mean(apart[:, EDGE:-EDGE, EDGE:-EDGE] ** 2)))
            print(
                f"{method.name():12} halo {halo:2d} cross-fade {fade:2d}   squared error "
                f"{np.median(errors):.4f}   difference {np.median(differences):.3f}   inside "
                f"{np.median(inside):.3f}",
                flush=True,
            )


def error(result, sky):
    return np.mean([nmse(e, t) for e, t in zip(result.estimate, sky.truth, strict=True)])


if __name__ == "__main__":
    main()
