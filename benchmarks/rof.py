"""Time the ROF kernels: against skimage to the same objective, and per iteration against a plain copy.

Usage: python benchmarks/rof.py [--size 512] [--large 4096] [--cube 128] [--limit 4000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable

import numpy as np
from numba import get_num_threads

from sigden.denoisers.tv import rof2d_numba, rof_numba

WEIGHTS = (0.03, 0.1, 0.3)


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def timed(call: Callable[[], object], repeat: int) -> float:
    """Median wall time in seconds."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def scenes(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Noisy test images in [0, 1]: cartoon, point sources, nothing but noise."""
    random = np.random.default_rng(0)
    axes = np.meshgrid(*(np.linspace(0, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    cartoon = 0.2 + 0.3 * axes[-1] + 0.3 * (sum((a - 0.45) ** 2 for a in axes) < 0.07)
    stars = np.full(shape, 0.1)
    for _ in range(150):
        centre, width = random.uniform(0, 1, len(shape)), random.uniform(0.002, 0.02)
        distance = sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True))
        stars += random.exponential(0.3) * np.exp(-0.5 * distance / width**2)
    flat = np.full(shape, 0.5)
    clean = {"cartoon": cartoon, "stars": stars / max(1.0, stars.max()), "flat": flat}
    return {k: (v + 0.1 * random.standard_normal(shape)).astype(np.float32) for k, v in clean.items()}


def objective(u: np.ndarray, y: np.ndarray, weight: float) -> float:
    """Primal objective in float64."""
    u = u.astype(np.float64)
    square = np.zeros(u.shape)
    for axis in range(u.ndim):
        part = tuple(slice(0, -1) if a == axis else slice(None) for a in range(u.ndim))
        square[part] += np.diff(u, axis=axis) ** 2
    return float(weight * np.sqrt(square).sum() + 0.5 * np.sum((u - y) ** 2))


def skimage_seconds(y: np.ndarray, weight: float, target: float, limit: int) -> str:
    """Time of the first iteration count, in steps of a quarter, that reaches the objective."""
    try:
        from skimage.restoration import denoise_tv_chambolle
    except ImportError:
        return "skimage not installed"
    count = 8
    while True:
        start = time.perf_counter()
        u = denoise_tv_chambolle(y, weight=weight, eps=0.0, max_num_iter=count)
        seconds = time.perf_counter() - start
        value = objective(u, y, weight)
        if value <= target:
            return f"{1e3 * seconds:9.0f} ms {count:6d} it"
        if count >= limit:
            over = value / target - 1.0
            return f"> {1e3 * seconds:7.0f} ms {count:6d} it (still {over:.1e} above)"
        count = min(limit, max(count + 1, count * 5 // 4))


def compare(shape: tuple[int, ...], limit: int, repeat: int) -> None:
    """Our solve to a relative gap of 1e-4, and skimage to the objective it gives."""
    for name, y in scenes(shape).items():
        for weight in WEIGHTS:
            strength = np.asarray([weight])
            u, gap, iterations = rof_numba.rof(y[None], strength, 0.0, 1e-4, 5000)
            seconds = timed(
                lambda y=y, strength=strength: rof_numba.rof(y[None], strength, 0.0, 1e-4, 5000), repeat
            )
            peer = skimage_seconds(y, weight, objective(u[0], y, weight), limit)
            say(
                f"{name:8s} weight {weight:4.2f}: {1e3 * seconds:7.1f} ms, {iterations[0]:4d} iterations,"
                f" gap {gap[0]:.1e} | skimage {peer}"
            )


def per_iteration(size: int, repeat: int) -> None:
    """One fused iteration (5 arrays read, 3 written) and the copy of 4 arrays, one thread each."""
    random = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        y = random.random((1, 1, size, size)).astype(dtype)
        state, p = np.stack([y, y]), np.zeros((1, 2, 1, size, size), dtype=dtype)
        source, target = np.ones((4, size, size), dtype=dtype), np.zeros((4, size, size), dtype=dtype)
        parity, weight = np.zeros(1, dtype=np.int64), np.asarray([0.1])
        tau, theta, count = np.asarray([0.05]), np.asarray([0.98]), np.full(1, 4)
        arguments = (y, state, p, parity, weight, 0.0, tau, theta, count)
        rof2d_numba.advance(*arguments, 1)
        one, copy, many = [], [], []
        for _ in range(repeat):
            one.append(timed(lambda a=arguments: rof2d_numba.advance(*a, 1), 1) / 4)
            copy.append(timed(lambda s=source, t=target: np.copyto(t, s), 1))
            many.append(timed(lambda a=arguments: rof2d_numba.advance_parallel(*a, get_num_threads()), 1) / 4)
        say(
            f"{size}^2 {np.dtype(dtype).name}: iteration {1e3 * np.median(one):6.1f} ms on one thread,"
            f" {1e3 * np.median(many):6.1f} ms on {get_num_threads()};"
            f" copy of 4 arrays {1e3 * np.median(copy):6.1f} ms on one thread,"
            f" ratio {np.median(np.asarray(one) / np.asarray(copy)):.2f}"
        )


def main() -> None:
    """Parse the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=512, help="image side")
    parser.add_argument(
        "--large", type=int, default=4096, help="image side of the per-iteration timing; 0 skips"
    )
    parser.add_argument("--cube", type=int, default=128, help="cube side; 0 skips")
    parser.add_argument("--limit", type=int, default=4000, help="most iterations given to skimage")
    parser.add_argument("--repeat", type=int, default=3, help="timings of which the median is taken")
    options = parser.parse_args()
    say(f"{platform.processor() or platform.machine()}, {platform.platform()}, {get_num_threads()} threads")
    compare((options.size, options.size), options.limit, options.repeat)
    if options.large:
        per_iteration(options.large, max(5, options.repeat))
    if options.cube:
        compare((options.cube,) * 3, min(options.limit, 200), options.repeat)


if __name__ == "__main__":
    main()
