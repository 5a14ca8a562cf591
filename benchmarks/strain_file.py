"""Speed and memory of `sigden strain` on long files: simulated noise of two detectors, from file to file."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sigden.io import StoredStrain, write_stretches
from sigden.simulate import aligo_spectrum, noise_blocks


def write(path: Path, name: str, seconds: int, rate: float, seed: int) -> None:
    """File of simulated noise."""
    size, block = round(seconds * rate), round(64 * rate)
    head = StoredStrain(read=lambda *_: np.empty(0), size=size, sample_rate=rate, t0=1e9, name=name)
    with write_stretches(path, {name: head}) as writer:
        blocks = noise_blocks(aligo_spectrum(rate), block, rate, seed)
        for first, samples in zip(range(0, size, block), blocks, strict=False):
            writer.append(name, samples[: size - first])
        writer.finish({"made": "for a benchmark"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=4096.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.hdf5" for name in ("H1", "L1")]
        for seed, path in enumerate(files):
            write(path, path.stem, options.seconds, options.rate, seed)
        command = [sys.executable, "-m", "sigden", "strain", *map(str, files), "--out", f"{folder}/out"]
        start = time.perf_counter()
        subprocess.run([*command, "--quiet"], check=True)
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        written = sum(path.stat().st_size for path in Path(folder, "out").iterdir())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{options.seconds} s of 2 detectors at {options.rate:g} Hz, {written / 1e6:.0f} MB written")
    processor = used.ru_utime + used.ru_stime
    print(f"wall {wall:.1f} s ({options.seconds / wall:.0f} x real time), processor {processor:.1f} s")
    print(f"peak memory {used.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
