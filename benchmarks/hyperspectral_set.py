"""sigden's classical methods for cubes as callables of the hyperspectral judge, and beside HyDe's own.

python ../shared/judges/hyperspectral.py benchmarks.hyperspectral_set:hyres
python benchmarks/hyperspectral_set.py

The second line runs both on a simulated cube, in turn; it needs HyDe in the same environment (see
hyperspectral_peer.py) and shows sigden alone without it.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import sigden

PAIRS = ("hyres", "hyminor", "forpdn", "wsrrr", "otvca", "fasthyde", "l1hymixde")
ROUNDS = 3


def hyres(cube: Any) -> Any:
    return sigden.HyRes()(cube)


def hyminor(cube: Any) -> Any:
    return sigden.HyMiNoR()(cube)


def forpdn(cube: Any) -> Any:
    return sigden.FORPDN()(cube)


def wsrrr(cube: Any) -> Any:
    return sigden.WSRRR()(cube)


def otvca(cube: Any) -> Any:
    return sigden.OTVCA()(cube)


def fasthyde(cube: Any) -> Any:
    return sigden.FastHyDe()(cube)


def fasthyde_counted(cube: Any) -> Any:
    return sigden.FastHyDe(rank=None)(cube)


def fasthyin(cube: Any) -> Any:
    return sigden.FastHyIn(missing_value=0.0)(cube)


def l1hymixde(cube: Any) -> Any:
    return sigden.L1HyMixDe()(cube)


def lrmr(cube: Any) -> Any:
    return sigden.LRMR()(cube)


def rrqr_subspace(cube: Any) -> Any:
    return sigden.RRQRSubspace()(cube)


def e3dtv(cube: Any) -> Any:
    return sigden.E3DTV()(cube)


def lrtdtv(cube: Any) -> Any:
    return sigden.LRTDTV()(cube)


def ngmeet(cube: Any) -> Any:
    return sigden.NGMeet()(cube)


def _scored(call: Callable[[Any], Any], noisy: Any, truth: Any) -> tuple[float, float]:
    start = time.perf_counter()
    estimate = call(noisy.copy())
    seconds = time.perf_counter() - start
    return seconds, float(np.mean(-10 * np.log10(np.mean((estimate - truth) ** 2, axis=(0, 1)))))


def main() -> None:
    from benchmarks import hyperspectral_peer
    from sigden.simulate import gaussian_noise, mixed_noise, spectral_cube

    warnings.simplefilter("ignore")
    try:
        import hyde  # noqa: F401

        sides = (sys.modules[__name__], hyperspectral_peer)
    except ImportError:
        sides = (sys.modules[__name__],)
    truth = spectral_cube((128, 128), 100, endmembers=6, seed=5)
    cubes = {"gaussian": gaussian_noise(truth, (0.01, 0.15), seed=6), "mixed": mixed_noise(truth, seed=7)}
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads, cube {truth.shape}")
    print(f"{'MPSNR, s (medians of ' + str(ROUNDS) + ')':<26}{'sigden':>18}{'HyDe':>18}{'time ratio':>12}")
    for name in PAIRS:
        for case, noisy in cubes.items():
            runs: list[list[tuple[float, float]]] = [[] for _ in sides]
            for side in sides:
                getattr(side, name)(noisy[:48, :48, :32].copy())
            for _ in range(ROUNDS):
                for run, side in zip(runs, sides, strict=True):
                    run.append(_scored(getattr(side, name), noisy, truth))
            seconds = [float(np.median([second for second, _ in run])) for run in runs]
            cells = [f"{run[0][1]:>10.2f}{second:>8.2f}" for run, second in zip(runs, seconds, strict=True)]
            ratio = f"{seconds[0] / seconds[1]:>12.2f}" if len(seconds) == 2 else ""
            print(f"{name + ', ' + case:<26}" + "".join(cells) + ratio, flush=True)


if __name__ == "__main__":
    main()
