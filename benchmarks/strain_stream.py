"""Speed and memory of streamed strain: two detectors of simulated noise, each in a thread."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from sigden.arrays import usable_cores
from sigden.simulate import aligo_spectrum, noise_blocks
from sigden.strain import StrainDenoiser, StrainStream


def denoise(stream: StrainStream, blocks: Iterable[Any]) -> tuple[int, int]:
    """Samples that came out, and the most bytes held between blocks."""
    samples, held = 0, 0
    for block in blocks:
        samples += sum(piece.denoised.size for piece in stream.push(block))
        held = max(held, stream.nbytes)
    return samples + sum(piece.denoised.size for piece in stream.finish()), held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=4096.0)
    parser.add_argument("--step", type=float, default=64.0, help="step_seconds of the stream")
    options = parser.parse_args()
    rate, size, count = options.rate, round(64 * options.rate), options.seconds // 64
    noise = [list(islice(noise_blocks(aligo_spectrum(rate), size, rate, seed), count)) for seed in (1, 2)]
    method = StrainDenoiser(sample_rate=rate)
    StrainStream(method).push(noise[0][0][: round(32 * rate)])  # compile
    streams = [StrainStream(method, step_seconds=options.step, history_seconds=256.0) for _ in noise]
    wall, processor = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(max_workers=2) as pool:
        done = list(pool.map(denoise, streams, noise))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    samples, held = (sum(values) for values in zip(*done, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = samples / rate / len(streams)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{seconds:.0f} s of {len(streams)} detectors at {rate:g} Hz, steps of {options.step:g} s")
    print(f"wall {wall:.1f} s ({seconds / wall:.0f} x real time), processor {processor:.1f} s")
    cores = min(2, usable_cores())
    print(f"processor over wall {processor / wall:.2f} of {cores} cores")
    made = sum(block.nbytes for blocks in noise for block in blocks) / 2**20
    print(f"peak memory {peak:.0f} MB with {made:.0f} MB of noise, held by the streams {held / 1e6:.0f} MB")
    print(
        f"latency {streams[0].latency_seconds:g} s (16 s steps: {StrainStream(method).latency_seconds:g} s)"
    )


if __name__ == "__main__":
    main()
