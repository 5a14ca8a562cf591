"""Speed of `StrainDenoiser` and `CoherentStrain`: 32 s of two detectors, raw in, calibrated out."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time

from sigden import CoherentStrain, StrainDenoiser
from sigden.simulate import strain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=32.0)
    parser.add_argument("--rate", type=float, default=4096.0)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    data = strain(duration=options.seconds, sample_rate=options.rate).data
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for method in (StrainDenoiser(sample_rate=options.rate), CoherentStrain(sample_rate=options.rate)):
        method.solve(data)  # compile
        walls, processor = [], []
        for _ in range(options.repeat):
            wall, cpu = time.perf_counter(), time.process_time()
            method.solve(data)
            walls.append(time.perf_counter() - wall)
            processor.append(time.process_time() - cpu)
        print(
            f"{method.name():15s} wall {statistics.median(walls):.2f} s, "
            f"processor {statistics.median(processor):.2f} s (medians of {options.repeat})"
        )


if __name__ == "__main__":
    main()
