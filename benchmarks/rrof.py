"""Time the regularised ROF kernel per sample, and beside explicit time marching.

Run as ``python benchmarks/rrof.py``; one thread, float64, relative duality gap 1e-8 unless told otherwise.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit

from sigden.denoisers.tv.rrof_numba import rrof

WEIGHTS = (0.3, 3.0, 30.0, 300.0)
BETAS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
RATE = 4096.0


@njit(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _fluxes(u: np.ndarray, beta: float, flux: np.ndarray) -> None:
    for i in range(1, u.size):
        d = u[i] - u[i - 1]
        flux[i] = d / np.sqrt(d * d + beta)


@njit(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _descend(u: np.ndarray, y: np.ndarray, flux: np.ndarray, weight: float, step: float) -> float:
    total = 0.0
    for i in range(u.size):
        g = u[i] - y[i] + weight * (flux[i] - flux[i + 1])
        total += g * g
        u[i] -= step * g
    return total


@njit(nogil=True)
def march_vector(
    y: np.ndarray, weight: float, beta: float, step: float, half_square: float, max_iter: int
) -> tuple[np.ndarray, int]:
    """Explicit Euler, two vectorised passes per step, until half the squared gradient is small enough."""
    u = y.copy()
    flux = np.zeros(y.size + 1)
    for k in range(max_iter):
        _fluxes(u, beta, flux)
        if 0.5 * _descend(u, y, flux, weight, step) <= half_square:
            return u, k + 1
    return u, max_iter


@njit(nogil=True)
def march_plain(
    y: np.ndarray, weight: float, beta: float, step: float, half_square: float, max_iter: int
) -> tuple[np.ndarray, int]:
    """Explicit Euler as it is written on paper: one loop over the samples per step."""
    n = y.size
    u = y.copy()
    for k in range(max_iter):
        total = 0.0
        before = 0.0
        for i in range(n):
            after = 0.0
            if i < n - 1:
                d = u[i + 1] - u[i]
                after = d / np.sqrt(d * d + beta)
            g = u[i] - y[i] - weight * (after - before)
            total += g * g
            u[i] -= step * g
            before = after
        if 0.5 * total <= half_square:
            return u, k + 1
    return u, max_iter


def families(n: int, seed: int) -> dict[str, np.ndarray]:
    """White noise, brown noise, and band-limited unit noise with a chirp of amplitude 4 in it."""
    random = np.random.default_rng(seed)
    white = random.standard_normal(n)
    brown = np.cumsum(random.standard_normal(n))
    spectrum = np.fft.rfft(random.standard_normal(n))
    frequency = np.fft.rfftfreq(n, 1.0 / RATE)
    band = np.fft.irfft(spectrum / (1 + (30 / np.maximum(frequency, 1.0)) ** 4 + (frequency / 500) ** 4), n)
    t = np.linspace(0.0, 1.0, n)
    cycles = (n / RATE) * (40.0 * t + 180.0 * t * t)
    chirp = 4.0 * np.sin(2 * np.pi * cycles) * np.exp(-(((t - 0.7) / 0.1) ** 2))
    return {"white": white, "brown": brown, "band+chirp": band / band.std() + chirp}


def median_ns(call: Callable[[], object], n: int, repeats: int) -> float:
    """Median wall time per sample in nanoseconds, after one warm-up call."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) / n * 1e9


def table(args: argparse.Namespace, signals: dict[str, np.ndarray]) -> None:
    """Cost, iterations and gap of every case."""
    print(f"\n{'family':<11}{'weight':>7}{'beta':>8}{'ns/sample':>11}{'iterations':>11}{'gap':>10}")
    cost, steps, converged = [], [], 0
    for name, y in signals.items():
        for weight in WEIGHTS:
            for beta in BETAS:
                row = y[None, :].astype(args.dtype)
                strength = np.array([weight])
                _, gap, iterations = rrof(row, strength, beta, args.tol, 200)
                ns = median_ns(lambda: rrof(row, strength, beta, args.tol, 200), y.size, args.repeats)  # noqa: B023
                print(f"{name:<11}{weight:>7g}{beta:>8.0e}{ns:>11.1f}{iterations[0]:>11d}{gap[0]:>10.1e}")
                cost.append(ns)
                steps.append(int(iterations[0]))
                converged += int(gap[0] <= args.tol)
    print(
        f"median {np.median(cost):.1f} ns/sample, worst {max(cost):.1f}; "
        f"iterations median {np.median(steps):g}, worst {max(steps)}; converged {converged} of {len(cost)}"
    )


def ratios(args: argparse.Namespace, signals: dict[str, np.ndarray]) -> None:
    """Explicit marching to the same certified gap: 1/2 |gradient|^2 <= tol * primal (dual point w = Du/s)."""
    print("\nexplicit time marching, weight 0.3, L = 1 + 4 weight / sqrt(beta)")
    print("  classical: one plain loop, step 1/L; tuned: vectorised passes, step 1.95/L (unstable from 2/L)")
    print(
        f"{'family':<11}{'beta':>8}{'newton':>9}{'classical':>11}{'ratio':>8}{'tuned':>11}{'ratio':>8}{'steps':>7}"
    )
    weight = 0.3
    for name, y in signals.items():
        for beta in (1e-2, 1e-4, 1e-6):
            row, strength = y[None, :], np.array([weight])
            u = rrof(row, strength, beta, 1e-12, 200)[0][0]
            excess = np.sqrt(np.diff(u) ** 2 + beta) - np.sqrt(beta)
            goal = args.tol * (weight * excess.sum() + 0.5 * ((u - y) ** 2).sum())
            lipschitz = 1.0 + 4.0 * weight / np.sqrt(beta)
            newton, classical, tuned, steps = [], [], [], 0
            march_plain(y, weight, beta, 1.0 / lipschitz, goal, 2)
            march_vector(y, weight, beta, 1.0 / lipschitz, goal, 2)
            for _ in range(3):  # paired, so that a busy machine slows both alike
                newton.append(median_ns(lambda: rrof(row, strength, beta, args.tol, 200), y.size, 5))  # noqa: B023
                start = time.perf_counter()
                _, steps = march_plain(y, weight, beta, 1.0 / lipschitz, goal, 10**6)
                middle = time.perf_counter()
                march_vector(y, weight, beta, 1.95 / lipschitz, goal, 10**6)
                classical.append((middle - start) / y.size * 1e9)
                tuned.append((time.perf_counter() - middle) / y.size * 1e9)
            a, b, c = (float(np.median(v)) for v in (newton, classical, tuned))
            print(f"{name:<11}{beta:>8.0e}{a:>9.1f}{b:>11.0f}{b / a:>8.1f}{c:>11.0f}{c / a:>8.1f}{steps:>7d}")


def machine() -> str:
    """Processor name, as the system tells it, and the number of cores."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name}, {os.cpu_count()} cores"


def main() -> int:
    """Parse the options and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=16384)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--tol", type=float, default=1e-8)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-marching", action="store_true", help="skip the side-by-side ratio")
    args = parser.parse_args()
    print(f"{machine()}, one thread, "
          f"python {platform.python_version()}, numpy {np.__version__}, {args.samples} samples, "
          f"{args.dtype}, relative duality gap {args.tol:g}")  # fmt: skip
    signals = families(args.samples, args.seed)
    table(args, signals)
    if not args.no_marching:
        ratios(args, signals)
    return 0


if __name__ == "__main__":
    sys.exit(main())
