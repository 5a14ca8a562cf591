"""Seconds of the joint methods: batches of stamps, and one solve of a wide field with its peak memory."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.multiband import observations
from sigden import JointSparse, JointWiener
from sigden.multiband import Grid, Observation, deconvolve_stamps
from sigden.simulate.scene import Scene, scene

METHODS = (JointWiener(), JointSparse())
SIDE = 128


def field(sky: Scene, size: int) -> tuple[list[Observation], Grid]:
    """A scene repeated to about so many pixels, in single precision."""
    repeat = -(-size // sky.vis.shape[0])
    tiled = [
        replace(o, image=np.tile(o.image, (repeat, repeat)).astype(np.float32)) for o in observations(sky)
    ]
    return tiled, Grid((repeat * sky.vis.shape[0],) * 2, sky.scale)


def timed(run: Callable[[], Any], times: int) -> tuple[float, float]:
    """Median seconds by the clock and of the processor."""
    clocks = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        clocks.append((time.perf_counter() - wall, time.process_time() - cpu))
    return statistics.median(c[0] for c in clocks), statistics.median(c[1] for c in clocks)


def stamps(count: int, workers: int) -> None:
    """Milliseconds per stamp of 128 x 128 pixels, three bands and VIS, each with PSFs of its own."""
    skies = [scene(seed=seed) for seed in range(10)]
    for method in METHODS:

        def batch(m: Any = method) -> None:
            work = [skies[i % len(skies)] for i in range(count)]
            with ThreadPoolExecutor(workers) as pool:
                list(
                    pool.map(
                        lambda s: m(observations(s), Grid(s.vis.shape, s.scale), response=s.response), work
                    )
                )

        report(method, f"{count} stamps, {workers} threads", batch, 5, count)


def catalogue(count: int, workers: int) -> None:
    """The same for stamps around positions in a field, which have their PSFs in common."""
    sky = scene(seed=1, size=256)
    seen, grid = field(sky, 1024)
    places = np.random.default_rng(0).uniform(SIDE, grid.shape[0] - SIDE, (count, 2))
    for method in METHODS:

        def batch(m: Any = method) -> None:
            deconvolve_stamps(m, seen, grid, places, SIDE, response=sky.response, workers=workers)

        report(method, f"{count} stamps of a catalogue, {workers} threads", batch, 5, count)


def report(method: Any, what: str, batch: Callable[[], None], times: int, count: int) -> None:
    """One line."""
    batch()
    milliseconds = [1e3 * seconds / count for seconds in timed(batch, times)]
    print(f"{method.name():12} {what}: {milliseconds[0]:6.1f} ms each ({milliseconds[1]:.1f} of processors)")
    sys.stdout.flush()


def wide(size: int) -> None:
    """Seconds of one solve of size x size pixels in single precision, all threads."""
    sky = scene(seed=1, size=256)
    for method in METHODS:
        seen, grid = field(sky, 256)
        method(seen, grid, response=sky.response)  # compiled code is loaded
        seen, grid = field(sky, size)
        wall, cpu = timed(lambda m=method, s=seen, g=grid: m(s, g, response=sky.response), 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{method.name():12} {grid.shape[0]} x {grid.shape[1]}: {wall:6.1f} s ({cpu:.1f} of processors), "
            f"peak of the process {peak:.1f} GiB"
        )
        sys.stdout.flush()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="0 leaves the stamps out")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=4096, help="0 leaves the wide field out")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if options.count:
        stamps(options.count, options.workers)
        catalogue(options.count, options.workers)
    if options.size:
        wide(options.size)


if __name__ == "__main__":
    main()
