"""Seconds of the joint methods: a batch of stamps, and one solve of a wide field with its peak memory."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from benchmarks.multiband_errors import observed
from sigden import JointSparse, JointWiener
from sigden.multiband import Grid
from sigden.simulate.scene import scene

METHODS = (JointWiener(), JointSparse())


def stamps(count: int, workers: int) -> None:
    """Milliseconds per stamp of 128 x 128 pixels, three bands and VIS."""
    fields = [observed(scene(seed=seed)) for seed in range(10)]
    work = [fields[i % len(fields)] for i in range(count)]
    for method in METHODS:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda f, m=method: m(f[0], f[1], response=f[2]), work))
            times.append((time.perf_counter() - start) / count * 1e3)
        print(
            f"{method.name():12} {count} stamps, {workers} threads: {statistics.median(times):6.1f} ms each"
        )


def wide(size: int) -> None:
    """Seconds of one solve of size x size pixels in single precision, all threads."""
    observations, grid, response = observed(scene(seed=1, size=512))
    repeat = size // 512
    tiled = [replace(o, image=np.tile(o.image, (repeat, repeat)).astype(np.float32)) for o in observations]
    for method in METHODS:
        start = time.perf_counter()
        method(tiled, Grid((512 * repeat, 512 * repeat), grid.scale), response=response)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{method.name():12} {size} x {size}: {seconds:6.1f} s, peak of the process {peak:.1f} GiB")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=4096, help="0 leaves the wide field out")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    stamps(options.count, options.workers)
    sys.stdout.flush()
    if options.size:
        wide(options.size)


if __name__ == "__main__":
    main()
