"""Weight at which ROF turns pure unit noise into a constant, by simulation: the fit of `universal_weight`."""

from __future__ import annotations

import argparse

import numpy as np

from sigden.denoisers import ROF
from sigden.denoisers.choice import universal_weight


def threshold(shape: tuple[int, ...], seed: int) -> float:
    """Bisection in log weight until the estimate is constant."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    low, high = 0.3, 10.0
    for _ in range(9):
        middle = float(np.sqrt(low * high))
        estimate = ROF(regularization=middle, ndim=len(shape), tol=1e-5)(noise, sigma=1.0)
        low, high = (low, middle) if estimate.std() < 1e-3 else (middle, high)
    return high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = range(parser.parse_args().seeds)
    for shape in ((16, 16), (32, 32), (64, 64), (128, 128), (8, 8, 8), (16, 16, 16), (32, 32, 32)):
        found = [threshold(shape, seed) for seed in seeds]
        print(
            f"{shape}: mean {np.mean(found):.2f} max {np.max(found):.2f}; used {universal_weight(shape):.2f}"
        )


if __name__ == "__main__":
    main()
