"""How often the one-sigma band of `StrainDenoiser` holds the truth, on simulated binary black holes."""

from __future__ import annotations

import argparse

import numpy as np

from sigden.simulate import strain
from sigden.strain import StrainDenoiser, Whitening, band_pass

RATE, SECONDS = 2048.0, 8.0


def coverage(snr: float, seed: int) -> tuple[float, float]:
    """Fraction of samples within one standard error, around the peak and away from the signal."""
    run = strain(duration=SECONDS, sample_rate=RATE, snr=snr, seed=seed, detectors=("H1",))
    result = StrainDenoiser(sample_rate=RATE).analyse(run.data[0])
    whitening = Whitening(result.psd, RATE, run.data.shape[1])
    truth = band_pass(whitening(run.signal[0]), RATE, result.band) / result.sigma
    inside = np.abs(result.whitened_denoised - truth) < result.whitened_uncertainty
    peak = round(SECONDS / 2 * RATE)
    near = slice(peak - round(0.2 * RATE), peak + round(0.05 * RATE))
    away = slice(round(1.0 * RATE), round(3.0 * RATE))
    return float(inside[near].mean()), float(inside[away].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    seeds = range(300, 300 + parser.parse_args().seeds)
    for snr in (0.0, 8.0, 12.0, 20.0, 40.0):
        near, away = np.mean([coverage(snr, seed) for seed in seeds], axis=0)
        print(f"snr {snr:4.0f}: {near:.2f} around the peak, {away:.2f} away from it")


if __name__ == "__main__":
    main()
