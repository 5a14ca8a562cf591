"""Photon noise: what the default finds, and what it would find if it were told.

    python -m benchmarks.hyperspectral_photon [--cubes pavia samson simu] [--seed 3]

The cubes are looked for in SIGDEN_DATA, by default ../shared/data. Prints the MPSNR of the default; of its
first pass alone, which works on stabilised noise; of that pass with the true law of the noise; with the true
subspace of the stabilised cube besides; with the truth as guide of the Wiener filter, in the subspace of the
data and in the true one. The last two are out of reach of every estimate of the guide.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sigden import SubspaceCollaborative
from sigden.hyperspectral import regression_sigma
from sigden.hyperspectral.collaborative.filter import collaborative_filter, guided_filter
from sigden.hyperspectral.pipeline import denoise_cube
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.metrics import mpsnr
from sigden.simulate import poisson_noise

PEAK = 60.0
LEAST_SNR = 30.0  # dB, below which a band is its own noise


def reference(name: str, folder: Path) -> Any:
    """Cube with every band scaled to [0, 1]; measured ones without bands that are noisy themselves."""
    cube = np.load(next(folder.glob(f"{name}_*.npz")))["cube"].astype(np.float64)
    if name != "simu":
        level = np.sqrt(np.mean(cube**2, axis=(0, 1)))
        cube = cube[..., 20 * np.log10(level / regression_sigma(cube)) >= LEAST_SNR]
    low, high = cube.min(axis=(0, 1)), cube.max(axis=(0, 1))
    return ((cube - low) / (high - low)).astype(np.float32)


def mean_of_stabilised(truth: Any, law: Stabiliser) -> Any:
    """Expectation of the transform of Poisson counts, by its table."""
    from scipy.stats import poisson

    mean = np.linspace(0, PEAK, 2001)
    counts = np.arange(int(PEAK + 12 * PEAK**0.5))
    values = counts[:, None] / PEAK
    single = Stabiliser(law.gain[:1], law.base[:1])
    single.forward(values)
    return np.interp(truth, mean / PEAK, values[:, 0] @ poisson.pmf(counts[:, None], mean))


def first_pass(noisy: Any) -> Any:
    """The default's result without its second pass."""
    recipe = SubspaceCollaborative().recipe()
    recipe = replace(recipe, step=replace(recipe.step, led=None))
    return denoise_cube(noisy, None, None, recipe)


def figures(truth: Any, noisy: Any) -> dict[str, float]:
    shape, bands = truth.shape, truth.shape[2]
    first = first_pass(noisy)
    law = Stabiliser(np.full(bands, 1 / PEAK), np.zeros(bands))
    pixels = noisy.reshape(-1, bands).copy()
    law.forward(pixels)
    ideal = mean_of_stabilised(truth.reshape(-1, bands), law).astype(np.float32)
    middle = pixels.mean(axis=0)

    def directions(spectra: Any) -> Any:
        return np.linalg.eigh(np.cov((spectra - middle).T))[1][:, ::-1][:, : first.rank].astype(np.float32)

    def images(spectra: Any, basis: Any) -> Any:
        return np.ascontiguousarray(((spectra - middle) @ basis).T).reshape(-1, *shape[:2])

    def score(estimate: Any, basis: Any) -> float:
        spectra = middle + estimate.reshape(len(estimate), -1).T @ basis.T
        law.inverse(spectra)
        return float(mpsnr(truth, spectra.reshape(shape)))

    data, true = directions(pixels), directions(ideal)
    return {
        "noisy": float(mpsnr(truth, noisy)),
        "rank": first.rank,
        "default": float(mpsnr(truth, SubspaceCollaborative()(noisy))),
        "first pass": float(mpsnr(truth, first.estimate)),
        "true law": score(collaborative_filter(images(pixels, data))[0], data),
        "true subspace": score(collaborative_filter(images(pixels, true))[0], true),
        "true guide": score(guided_filter(images(pixels, data), images(ideal, data))[0], data),
        "both": score(guided_filter(images(pixels, true), images(ideal, true))[0], true),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cubes", nargs="+", default=["pavia", "samson", "simu"])
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    folder = Path(os.environ.get("SIGDEN_DATA", "../shared/data")) / "hyperspectral"
    for name in arguments.cubes:
        truth = reference(name, folder)
        found = figures(truth, poisson_noise(truth, PEAK, seed=arguments.seed))
        print(name, truth.shape, {key: round(value, 2) for key, value in found.items()}, flush=True)


if __name__ == "__main__":
    main()
