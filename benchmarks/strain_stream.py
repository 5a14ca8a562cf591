"""Speed and memory of streamed strain: two detectors of simulated noise, made and denoised block by block."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time

import numpy as np

from sigden.simulate import aligo_spectrum, coloured_noise
from sigden.strain import StrainDenoiser, StrainStream


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=4096.0)
    parser.add_argument("--step", type=float, default=64.0, help="step_seconds of the stream")
    options = parser.parse_args()
    rate, size = options.rate, round(64 * options.rate)
    # one minute of noise for every detector, rolled: the seams are glitches that cost what noise costs
    noise = [coloured_noise(aligo_spectrum(rate), size, rate, seed) for seed in (1, 2)]
    method = StrainDenoiser(sample_rate=rate)
    for minute in noise:  # compile
        StrainStream(method).push(minute[: round(32 * rate)])
    streams = [StrainStream(method, step_seconds=options.step, history_seconds=256.0) for _ in noise]
    generator = np.random.default_rng(0)
    held, samples = [0] * len(streams), 0
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(options.seconds // 64):
        for i, (stream, minute) in enumerate(zip(streams, noise, strict=True)):
            pieces = stream.push(np.roll(minute, generator.integers(size)))
            samples += sum(piece.denoised.size for piece in pieces)
            held[i] = max(held[i], stream.nbytes)
    samples += sum(piece.denoised.size for stream in streams for piece in stream.finish())
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = samples / rate / len(streams)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{seconds:.0f} s of {len(streams)} detectors at {rate:g} Hz, steps of {options.step:g} s")
    print(f"wall {wall:.1f} s ({seconds / wall:.0f} x real time), processor {processor:.1f} s")
    print(f"peak memory {peak:.0f} MB, held by the streams {sum(held) / 1e6:.0f} MB")
    print(
        f"latency {streams[0].latency_seconds:g} s (16 s steps: {StrainStream(method).latency_seconds:g} s)"
    )


if __name__ == "__main__":
    main()
