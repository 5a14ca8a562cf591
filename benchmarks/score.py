"""Densities, scores and priors of many means, beside KDEpy and npeb.

Run as ``python benchmarks/score.py kde``, ``npmle``, ``peer`` or ``rules``. Rounds take turns, so that a
noisy machine is the same for all; medians of wall-clock time. KDEpy is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import platform
import time
from collections.abc import Callable

import numba
import numpy as np
from scipy import stats

from sigden import NPMLE, KernelDensity, Lindsey
from sigden.debias.normal_means import normal_means

PRIORS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "sparse": lambda random, n: np.where(random.random(n) < 0.02, 4.0, 0.0),
    "two points": lambda random, n: np.where(random.random(n) < 0.5, -2.0, 2.0),
    "normals": lambda random, n: np.where(
        random.random(n) < 0.8, random.normal(0, 0.5, n), random.normal(1, 2.5, n)
    ),
    "uniform": lambda random, n: random.uniform(-3, 3, n),
    "Student 2.5": lambda random, n: random.standard_t(2.5, n),
    "Cauchy": lambda random, n: random.standard_cauchy(n),
}


def has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def kde(size: int, rounds: int) -> None:
    """Score of one density on a grid of 4096 points and at every sample, with the bandwidth given."""
    x = np.random.default_rng(0).standard_normal(size)
    grid = np.linspace(x.min(), x.max(), 4096)
    method = KernelDensity(bandwidth=KernelDensity(bandwidth="silverman").fit(x).bandwidth)
    runs: dict[str, Callable[[], object]] = {
        "sigden, grid": lambda: method.fit(x).score(grid),
        "sigden, every sample": lambda: method.fit(x).score(x),
        "sigden, every sample, bandwidth by plug-in": lambda: KernelDensity().fit(x).score(x),
    }
    if has("KDEpy"):
        from KDEpy import FFTKDE

        def peer() -> np.ndarray:
            density = FFTKDE(bw=method.bandwidth).fit(x).evaluate(wide)
            return np.gradient(np.log(np.maximum(density, 1e-300)), wide)

        wide = np.linspace(x.min() - 1, x.max() + 1, 4096)
        runs["KDEpy FFTKDE, grid"] = peer
        runs["KDEpy FFTKDE, every sample"] = lambda: np.interp(x, wide, peer())
    table(runs, rounds)


def npmle(sizes: list[int], rounds: int) -> None:
    """Fit, and fit with the posterior of every sample, of six priors."""
    for size in sizes:
        for name, draw in PRIORS.items():
            random = np.random.default_rng(1)
            x = draw(random, size) + random.standard_normal(size)
            fit = NPMLE().fit(x, 1.0)
            runs = {
                "fit": lambda x=x: NPMLE().fit(x, 1.0),
                "fit and posterior": lambda x=x: NPMLE().fit(x, 1.0).posterior(x),
                "normal_means": lambda x=x: normal_means(x, 1.0),
            }
            times = measure(runs, rounds if size < 10**6 else min(rounds, 3))
            row = "  ".join(f"{key} {1e3 * value:8.1f} ms" for key, value in times.items())
            gap = fit.gradient_bound * size
            print(f"n = {size:<9d}{name:12s} {row}  atoms {fit.means.size:3d}  gap {gap:.0e}", flush=True)


def peer(sizes: list[int]) -> None:
    """Log-likelihood and time beside npeb, which weights atoms at the samples and then moves them."""
    from cvxpy.error import SolverError
    from npeb import GLMixture

    for size in sizes:
        for name, draw in PRIORS.items():
            random = np.random.default_rng(2)
            x = draw(random, size) + random.standard_normal(size)
            start = time.perf_counter()
            fit = NPMLE().fit(x, 1.0)
            middle = time.perf_counter()
            other = GLMixture(prec_type="diagonal", homoscedastic=True)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    other.fit(x[:, None], np.ones(1), score_every=None)
            except SolverError as error:
                print(f"n = {size:<6d}{name:12s} npeb fails: {error}", flush=True)
                continue
            end = time.perf_counter()
            atoms, weights = other.get_params()
            kernel = stats.norm.pdf(x[:, None], np.ravel(atoms))
            value = np.sum(np.log(kernel @ np.ravel(weights)))
            print(
                f"n = {size:<6d}{name:12s} log-likelihood sigden {fit.log_likelihood:.5f}  npeb {value:.5f}  "
                f"difference {fit.log_likelihood - value:+.5f}   {1e3 * (middle - start):.1f} ms, "
                f"{1e3 * (end - middle):.0f} ms",
                flush=True,
            )


def rules(size: int, repeats: int) -> None:
    """Mean squared error of the score at the samples, over that of the zero score, for each rule."""
    methods = {
        **{
            rule: KernelDensity(bandwidth=rule)
            for rule in ("derivative-plug-in", "derivative", "plug-in", "scott")
        },
        "Lindsey": Lindsey(),
    }
    cases = {
        "normal": stats.norm(),
        "two normals": [(0.5, -2.5, 0.6), (0.5, 2.5, 0.6)],
        "skewed": [(0.55, -0.8, 0.35), (0.3, 0.4, 0.6), (0.15, 2.2, 1.0)],
        "heavy": [(0.85, 0.0, 0.7), (0.15, 0.0, 2.2)],
    }
    for name, case in cases.items():
        parts = [(1.0, 0.0, 1.0)] if not isinstance(case, list) else case
        weight, mean, width = (np.array(v) for v in zip(*parts, strict=True))
        error = dict.fromkeys(methods, 0.0)
        power = 0.0
        for repeat in range(repeats):
            random = np.random.default_rng(repeat)
            k = random.choice(len(parts), size, p=weight)
            x = random.normal(mean[k], width[k])
            kernel = weight * stats.norm.pdf(x[:, None], mean, width)
            truth = np.sum(kernel * (mean - x[:, None]) / width**2, axis=1) / kernel.sum(axis=1)
            power += np.mean(truth**2)
            for key, method in methods.items():
                error[key] += np.mean((method.fit(x).score(x) - truth) ** 2)
        print(
            f"n = {size} {name:12s} " + "  ".join(f"{k} {v / power:.4f}" for k, v in error.items()),
            flush=True,
        )


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return {name: float(np.median(t)) for name, t in times.items()}


def table(runs: dict[str, Callable[[], object]], rounds: int) -> None:
    for name, value in measure(runs, rounds).items():
        print(f"{name:45s} {1e3 * value:10.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["kde", "npmle", "peer", "rules"])
    parser.add_argument("--n", type=int, nargs="+", help="number of samples")
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    threads, load = numba.get_num_threads(), os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads, load {load:.1f}")
    if a.what == "kde":
        for n in a.n or [10**7]:
            kde(n, a.rounds)
    elif a.what == "npmle":
        npmle(a.n or [10**4, 10**5, 10**7], a.rounds)
    elif a.what == "peer":
        peer(a.n or [300, 1000])
    else:
        for n in a.n or [1000, 10_000]:
            rules(n, 10)


if __name__ == "__main__":
    main()
