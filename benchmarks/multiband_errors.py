"""How often the error maps of the joint methods hold the truth: in sky, outskirts and cores of sources."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from sigden import JointSparse, JointWiener
from sigden.multiband import Grid, Observation
from sigden.simulate.scene import Scene, scene

BORDER, CORE, REACH = 8, 3, 12  # pixels


def observed(field: Scene) -> tuple[list[Observation], Grid, dict[str, dict[str, float]]]:
    """Observations, grid and response of a simulated field."""
    grid = Grid(field.vis.shape, field.scale)
    shift = ((field.rubin_scale - field.scale) / 2,) * 2
    out = [Observation(field.vis, field.psf_vis, "VIS", sigma=float(field.sigma_vis), scale=field.scale)]
    bands = zip(field.bands, field.rubin, field.psf_rubin, field.sigma_rubin, strict=True)
    out += [
        Observation(
            image, psf, band, sigma=float(s), scale=field.rubin_scale, offset=shift, psf_scale=field.scale
        )
        for band, image, psf, s in bands
    ]
    return out, grid, {"VIS": dict(zip(field.bands, map(float, field.alpha), strict=True))}


def regions(field: Scene) -> dict[str, Any]:
    """Pixels of the sky, of the outskirts and of the cores of sources."""
    rows, columns = np.indices(field.vis.shape)
    apart = np.min([np.hypot(rows - s.row, columns - s.column) for s in field.catalogue], axis=0)
    inside = np.zeros(field.vis.shape, bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    light = field.truth.sum(axis=0) > field.sigma_vis
    return {
        "sky": inside & (apart >= REACH) & ~light,
        "outskirts": inside & (apart >= CORE) & (apart < REACH) & light,
        "cores": inside & (apart < CORE),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--first", type=int, default=500, help="seed of the first scene")
    options = parser.parse_args()
    for method in (JointWiener(), JointSparse()):
        errors: dict[str, list[Any]] = {"sky": [], "outskirts": [], "cores": []}
        for seed in range(options.first, options.first + options.scenes):
            field = scene(seed=seed)
            observations, grid, response = observed(field)
            result = method(observations, grid, response=response)
            standard = (result.estimate - field.truth) / result.uncertainty
            for name, where in regions(field).items():
                errors[name].append(standard[:, where].ravel())
        for name, parts in errors.items():
            z = np.concatenate(parts)
            sys.stdout.write(
                f"{method.name():12} {name:10} rms {np.sqrt(np.mean(z**2)):.2f}   "
                f"within one standard error {100 * np.mean(np.abs(z) < 1):.1f} %   mean {z.mean():+.2f}\n"
            )


if __name__ == "__main__":
    main()
