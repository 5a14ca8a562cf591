"""Photon noise from the darkest to the brightest scene: the default, its first pass, and without a law.

    python -m benchmarks.hyperspectral_light [--size 64] [--bands 60] [--counts 60 1e3 1e5 1e8 1e10]

The scenes are simulated. `counts` is what the brightest voxel of a band has; in the dark scenes a few bright
objects have 40, which leaves two to four to all else. Printed is the rms error of the estimate over that of
the noisy cube, one figure for each seed. Without a law: noise of one level in each band is assumed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.hyperspectral_photon import first_pass
from sigden import SubspaceCollaborative
from sigden.hyperspectral.pipeline import denoise_cube
from sigden.simulate import poisson_noise, spectral_cube

SEEDS = (4, 5)
DARK = 40.0


def bright(size: int, bands: int, seed: int) -> Any:
    """Scene of six materials, nowhere quite dark."""
    return 0.05 + 0.95 * spectral_cube((size, size), bands, endmembers=6, seed=seed).astype(np.float64)


def dark(size: int, bands: int, seed: int) -> Any:
    """Dim scene with a dozen bright objects of 2 x 2 pixels; every band scaled to its brightest voxel."""
    truth = 0.1 * spectral_cube((size, size), bands, seed=seed).astype(np.float64)
    rng = np.random.default_rng(seed)
    for row, column in rng.integers(0, size - 1, (12, 2)):
        truth[row : row + 2, column : column + 2] += rng.uniform(0.5, 0.9)
    return truth / truth.max(axis=(0, 1))


def without_law(noisy: Any) -> Any:
    """The default for Gaussian noise alone."""
    return denoise_cube(noisy, None, None, replace(SubspaceCollaborative().recipe(), adapt=False)).estimate


METHODS: dict[str, Callable[[Any], Any]] = {
    "default": SubspaceCollaborative(),
    "first pass": lambda noisy: first_pass(noisy).estimate,
    "without a law": without_law,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--bands", type=int, default=60)
    parser.add_argument("--counts", type=float, nargs="+", default=[60, 1e3, 1e5, 1e8, 1e10])
    options = parser.parse_args()
    print(f"{'error over noise':<18}" + "".join(f"{name:>17}" for name in METHODS))
    for counts, make in [(DARK, dark), *((counts, bright) for counts in options.counts)]:
        cells: dict[str, list[str]] = {name: [] for name in METHODS}
        for seed in SEEDS:
            truth = make(options.size, options.bands, seed)
            noisy = poisson_noise(truth, counts, seed=seed)
            for name, method in METHODS.items():
                ratio = np.linalg.norm(method(noisy) - truth) / np.linalg.norm(noisy - truth)
                cells[name].append(f"{ratio:.3f}")
        row = "".join(f"{', '.join(pair):>17}" for pair in cells.values())
        print(f"{make.__name__ + f', {counts:g}':<18}{row}", flush=True)


if __name__ == "__main__":
    main()
