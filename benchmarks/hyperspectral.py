"""Cubes: quality on simulated truth, and the floor of matrix products.

    python -m benchmarks.hyperspectral [--big 512 512 200] [--threads 1] [--repeat 21] [--floor-only]

Prints the MPSNR of each method for each kind of noise, and the time of Gram matrix and projection over that
of the bare products, both in turn, with the error of the Gram matrix. `threads` are those of BLAS for both
sides. Time and memory of whole methods: hyperspectral_cost.py.
"""

import json
import os
import platform
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter

import numpy as np
from threadpoolctl import threadpool_limits

from sigden import RobustSubspace, SubspaceCollaborative, SubspaceDenoise
from sigden.hyperspectral import SpectralMoments, whitened_subspace
from sigden.metrics import mpsnr
from sigden.simulate import (
    dead_lines,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    poisson_noise,
    spectral_cube,
    stripe_noise,
)

KINDS = {
    "iid": lambda x: gaussian_noise(x, 0.08, seed=1),
    "bandvar": lambda x: gaussian_noise(x, (0.01, 0.15), seed=1),
    "poisson": lambda x: poisson_noise(x, 60.0, seed=1),
    "stripes": lambda x: stripe_noise(gaussian_noise(x, 0.05, seed=1), seed=2),
    "impulses": lambda x: impulse_noise(gaussian_noise(x, 0.05, seed=1), seed=2),
    "dead lines": lambda x: dead_lines(gaussian_noise(x, 0.05, seed=1), seed=2),
    "mixed": lambda x: mixed_noise(x, seed=1),
}


def seconds(function):
    """By the clock, and of processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def quality():
    truth = spectral_cube((96, 96), 80, endmembers=6, seed=11)
    methods = {
        "default": SubspaceCollaborative(),
        "robust": RobustSubspace(),
        "projection": SubspaceDenoise(),
    }
    for kind, spoil in KINDS.items():
        noisy = spoil(truth)
        row = {"kind": kind, "input": round(mpsnr(noisy, truth), 2)}
        row |= {name: round(mpsnr(method(noisy), truth), 2) for name, method in methods.items()}
        print(json.dumps(row), flush=True)


def floor(shape, repeat, threads, rank=10):
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((shape[0] * shape[1], shape[2]), dtype=np.float32)
    found = SpectralMoments(np.zeros(shape[2]))
    found.add(pixels)
    sigma = np.ones(shape[2])
    space = whitened_subspace(found.covariance, found.mean, sigma, len(pixels), rank)
    matrix = space.forward().astype(np.float32)

    def ours():
        SpectralMoments(np.zeros(shape[2])).add(pixels)
        space.project(pixels)

    def bare():
        return pixels.T @ pixels, pixels @ matrix

    with threadpool_limits(threads, user_api="blas"):
        times = np.array([[*seconds(ours), *seconds(bare)] for _ in range(repeat)])
    wall, cpu, bare_wall, bare_cpu = times.T
    exact = sum(np.float64(part).T @ np.float64(part) for part in np.array_split(pixels, 64)) / len(pixels)
    exact -= np.outer(found.mean, found.mean)
    row = {"gram_and_projection": shape, "threads": threads, "load": round(os.getloadavg()[0], 1)}
    row |= {"seconds": round(float(np.median(wall)), 3), "cpu_s": round(float(np.median(cpu)), 3)}
    row |= {"over_sgemm": round(float(np.median(wall / bare_wall)), 2)}
    row |= {"least_over_least": round(float(wall.min() / bare_wall.min()), 2)}
    row |= {"cpu_over_sgemm": round(float(np.median(cpu / bare_cpu)), 2)}
    row |= {"gram_error": float(f"{np.abs(found.covariance - exact).max():.1e}")}
    print(json.dumps(row))


def main():
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--big", type=int, nargs=3, default=[512, 512, 200])
    parser.add_argument("--repeat", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--floor-only", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps({"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}))
    if not arguments.floor_only:
        quality()
    floor(arguments.big, arguments.repeat, arguments.threads)


if __name__ == "__main__":
    main()
