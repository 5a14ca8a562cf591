"""Cubes: quality on simulated truth, time, memory and the floor of matrix products.

    python -m benchmarks.hyperspectral [--shape 256 256 180] [--big 512 512 200] [--repeat 3]

Prints the MPSNR of each method for each kind of noise, the time of the default and of the plain projection,
the extra memory over the size of the cube, and the time of Gram matrix and projection over that of the bare
products.
"""

import argparse
import json
import os
import platform
import threading
import time

import numba
import numpy as np

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


class Peak(threading.Thread):
    """Largest resident memory while it runs, MiB above the start."""

    def __init__(self):
        super().__init__(daemon=True)
        self.running, self.start_size = True, self.resident()
        self.peak = self.start_size

    @staticmethod
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def run(self):
        while self.running:
            self.peak = max(self.peak, self.resident())
            time.sleep(0.002)


def seconds(function, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


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


def cost(shape, repeat):
    cube = gaussian_noise(spectral_cube(shape[:2], shape[2], endmembers=8, seed=3), 0.05, seed=1)
    for method in (SubspaceCollaborative(), SubspaceDenoise()):
        method(cube[:32, :32])
        watch = Peak()
        watch.start()
        method(cube)
        watch.running = False
        watch.join()
        row = {
            "method": method.name(),
            "shape": shape,
            "seconds": round(seconds(lambda m=method: m(cube), repeat), 3),
        }
        row["memory_x"] = round((watch.peak - watch.start_size) / (cube.nbytes / 2**20), 2)
        print(json.dumps(row), flush=True)


def floor(shape, repeat, rank=10):
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

    times = [(seconds(ours, 1), seconds(bare, 1)) for _ in range(repeat)]
    ratio = float(np.median([a / b for a, b in times]))
    print(
        json.dumps(
            {"gram_and_projection": shape, "seconds": round(times[0][0], 3), "over_sgemm": round(ratio, 2)}
        )
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", type=int, nargs=3, default=[256, 256, 180])
    parser.add_argument("--big", type=int, nargs=3, default=[512, 512, 200])
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    print(
        json.dumps(
            {"machine": platform.processor() or platform.machine(), "threads": numba.get_num_threads()}
        )
    )
    quality()
    cost(arguments.shape, arguments.repeat)
    floor(arguments.big, arguments.repeat)


if __name__ == "__main__":
    main()
