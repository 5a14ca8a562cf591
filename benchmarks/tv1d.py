"""Time exact 1-D total variation per sample, beside prox-tv and condat-tv.

Run as ``python benchmarks/tv1d.py``; one thread, float64. Every round times every method once, in random
order, so that a noisy machine and the state of the allocator are the same for all; the table has medians of
CPU time. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from sigden.denoisers.tv.tv1d_numba import duality_gap, tv1d

Solver = Callable[[np.ndarray, float], np.ndarray]
PROX_TV = {
    "classic": "classictautstring",
    "linearized": "linearizedtautstring",
    "hybrid": "hybridtautstring",
    "condat": "condat",
    "johnson": "dp",
    "condat-ts": "condattautstring",
    "kolmogorov": "kolmogorov",
}
LINEAR_TIME = ("classic", "condat-ts")  # taut strings of linear time, whatever the data
HOPELESS = 400.0  # ns per sample on a short piece: a peer of quadratic time is not run on the whole


def inputs(n: int) -> dict[str, tuple[np.ndarray, float]]:
    random = np.random.default_rng(0)
    i = np.arange(n, dtype=np.float64)
    white = random.standard_normal(n)
    brown = np.cumsum(white)
    cases = {f"white, {w:g}": (white, w) for w in (0.3, 3.0, 30.0, 300.0)}
    cases |= {f"brown, {w:g}": (brown, w) for w in (0.3, 3.0, 30.0, 300.0)}
    cases |= {
        "ramp, n": (i, float(n)),
        "slow ramp + noise, 30": (0.01 * i + white, 30.0),
        "ramp + noise, n": (i + white, float(n)),
        "sine + noise, 30": (1e3 * np.sin(6 * np.pi * i / n) + white, 30.0),
        "sine, 1e5": (1e3 * np.sin(6 * np.pi * i / n), 1e5),
        "parabola, 1e4": (1e4 * (i / n - 0.5) ** 2, 1e4),
        "steps + noise, 10": (np.repeat(10 * random.standard_normal(n // 512 + 1), 512)[:n] + white, 10.0),
        "sawtooth, 100": ((i % 1000) / 10, 100.0),
        "alternating, 10": (np.where(i % 2 == 0, 1.0, -1.0), 10.0),
        "staircase, 1000": (np.floor(i / 7), 1000.0),
        "slowing staircase, n": (np.floor(np.sqrt(i)), float(n)),
        "ramp and plunge, 4 n^2": (np.where(i < n - 2, -i, -1e3 * n * n), 4.0 * n * n),
    }
    return cases


def kernel(y: np.ndarray, weight: float) -> np.ndarray:
    return tv1d(y[None, :], np.array([weight]))[0]


def peers() -> dict[str, Solver]:
    found: dict[str, Solver] = {}
    try:
        prox_tv = importlib.import_module("prox_tv")
    except ImportError:
        print("prox-tv is not installed: left out")
    else:
        for name, method in PROX_TV.items():
            found[name] = lambda y, w, method=method: prox_tv.tv1_1d(y, w, method=method)
    try:
        condat_tv = importlib.import_module("condat_tv")
    except ImportError:
        print("condat-tv is not installed: left out")
    else:
        found["condat_tv"] = condat_tv.tv_denoise
    return found


def public() -> dict[str, Solver]:
    try:
        method = importlib.import_module("sigden.denoisers").TV1D
    except (ImportError, AttributeError):
        print("sigden.denoisers.TV1D is not there: kernel only")
        return {}
    return {"TV1D": lambda y, w: method(regularization=w)(y, sigma=1.0)}


def seconds(solver: Solver, y: np.ndarray, weight: float) -> float:
    start = time.process_time()
    solver(y, weight)
    return time.process_time() - start


def is_hopeless(solver: Solver, y: np.ndarray, weight: float) -> bool:
    """Whether time per sample explodes, tried on pieces that grow."""
    size = 2000
    while size < y.size:
        if seconds(solver, y[:size], weight) * 1e9 / size > HOPELESS:
            return True
        size *= 4
    return False


def measure(n: int, rounds: int, only: str, solvers: dict[str, Solver], peer_names: list[str]) -> None:
    linear = [name for name in LINEAR_TIME if name in solvers]
    heads = [*solvers, "/ best", "/ linear", "gap"]
    print(f"\nn = {n}: CPU time in ns per sample; ratios of the kernel to the best peer and best linear one")
    print(" " * 24 + "".join(f"{head:>11s}" for head in heads))
    for title, (y, weight) in inputs(n).items():
        if only not in title:
            continue
        run = {
            name: solver
            for name, solver in solvers.items()
            if name not in peer_names or not is_hopeless(solver, y, weight)
        }
        times: dict[str, list[float]] = {name: [] for name in run}
        order = np.random.default_rng(1)
        for _ in range(rounds):
            for name in order.permutation(list(run)):
                times[name].append(seconds(run[name], y, weight) * 1e9 / n)
        median = {name: float(np.median(t)) for name, t in times.items()}
        row = "".join(f"{median[name]:11.1f}" if name in median else f"{'-':>11s}" for name in solvers)
        for names in (peer_names, linear):
            others = [median[name] for name in names if name in median]
            row += f"{median['kernel'] / min(others):11.2f}" if others else f"{'-':>11s}"
        gap = duality_gap(y[None, :], np.array([weight]), kernel(y, weight)[None, :])[0]
        print(f"{title:24s}{row}{gap:11.0e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[131072, 1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="inputs whose title contains this")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, one thread", end=", ")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}")
    found = peers()
    solvers: dict[str, Solver] = {"kernel": kernel, **public(), **found}
    for n in arguments.samples:
        measure(n, arguments.rounds, arguments.only, solvers, list(found))


if __name__ == "__main__":
    main()
