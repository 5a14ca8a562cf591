"""How often the one-sigma band of `StrainDenoiser` holds the truth, on simulated binary black holes."""

from __future__ import annotations

import argparse

import numpy as np

from sigden.simulate import strain
from sigden.strain import StrainDenoiser, Whitening, band_pass

RATE, SECONDS = 2048.0, 8.0


def coverage(snr: float, seed: int) -> tuple[float, float, float, float]:
    """Share within one standard error near the peak and away; mean square of error over it; residual."""
    run = strain(duration=SECONDS, sample_rate=RATE, snr=snr, seed=seed, detectors=("H1",))
    result = StrainDenoiser(sample_rate=RATE).analyse(run.data[0])
    whitening = Whitening(result.psd, RATE, run.data.shape[1])
    truth = band_pass(whitening(run.signal[0]), RATE, result.band) / result.sigma
    error = result.whitened_denoised - truth
    standard = error / result.whitened_uncertainty
    inside = np.abs(standard) < 1.0
    peak = round(SECONDS / 2 * RATE)
    near = slice(peak - round(0.2 * RATE), peak + round(0.05 * RATE))
    away = slice(round(1.0 * RATE), round(3.0 * RATE))
    size = float(np.linalg.norm(truth[near]))
    relative = float(np.linalg.norm(error[near])) / size if size > 0 else np.nan
    return (
        float(inside[near].mean()),
        float(inside[away].mean()),
        float(np.mean(standard[near] ** 2)),
        relative,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    seeds = range(300, 300 + parser.parse_args().seeds)
    for snr in (0.0, 8.0, 12.0, 20.0, 40.0):
        near, away, square, relative = np.mean([coverage(snr, seed) for seed in seeds], axis=0)
        print(
            f"snr {snr:4.0f}: {near:.2f} around the peak, {away:.2f} away from it; "
            f"rms of standardised errors {np.sqrt(square):.2f}, relative residual {relative:.3f}"
        )


if __name__ == "__main__":
    main()
