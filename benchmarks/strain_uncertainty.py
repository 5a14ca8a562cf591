"""How often the one-sigma bands of `StrainDenoiser` and `CoherentStrain` hold the truth."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from sigden import CoherentStrain
from sigden.noise import PowerSpectrum
from sigden.simulate import SimulatedStrain, aligo_spectrum, strain
from sigden.strain import StrainDenoiser, StrainResult, Whitening, band_pass

RATE, SECONDS = 2048.0, 8.0


def simulated(snr: float, seed: int, detectors: tuple[str, ...], steep: bool) -> SimulatedStrain:
    """A merger in noise of the default spectrum, or of one that is 1 + (70 Hz / f)^6 times as strong."""
    psd = aligo_spectrum(RATE)
    if steep:
        rise = 1.0 + (70.0 / np.maximum(psd.frequencies, 10.0)) ** 6
        psd = PowerSpectrum(psd.frequencies, psd.density * rise)
    return strain(duration=SECONDS, sample_rate=RATE, snr=snr, seed=seed, detectors=detectors, psd=psd)


def coverage(run: SimulatedStrain, result: StrainResult, row: int) -> tuple[float, ...]:
    """Share within one standard error near the peak and away; mean square of error over it; residual.

    Then the first and the third for calibrated strain.
    """
    whitening = Whitening(result.psd, RATE, run.data.shape[1])
    truth = band_pass(whitening(run.signal[row]), RATE, result.band) / result.sigma
    peak = round(SECONDS / 2 * RATE)
    near = slice(peak - round(0.2 * RATE), peak + round(0.05 * RATE))
    away = slice(round(1.0 * RATE), round(3.0 * RATE))
    error = result.whitened_denoised - truth
    standard = error / result.whitened_uncertainty
    size = float(np.linalg.norm(truth[near]))
    relative = float(np.linalg.norm(error[near])) / size if size > 0 else np.nan
    calibrated = (result.denoised - result.in_band(run.signal[row])) / result.uncertainty
    return (
        *(float(np.mean(np.abs(standard[part]) < 1.0)) for part in (near, away)),
        float(np.mean(standard[near] ** 2)),
        relative,
        float(np.mean(np.abs(calibrated[near]) < 1.0)),
        float(np.mean(calibrated[near] ** 2)),
    )


def line(snr: float, rows: Any) -> str:
    near, away, square, relative, calibrated, calibrated_square = np.mean(rows, axis=0)
    return (
        f"snr {snr:4.0f}: {near:.2f} around the peak, {away:.2f} away from it; "
        f"rms of standardised errors {np.sqrt(square):.2f}, relative residual {relative:.3f}; "
        f"calibrated {calibrated:.2f} around the peak, rms {np.sqrt(calibrated_square):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--first", type=int, default=300, help="first seed")
    parser.add_argument("--steep", action="store_true", help="noise that rises steeply to low frequencies")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    print("StrainDenoiser, one detector")
    for snr in (0.0, 8.0, 12.0, 20.0, 40.0):
        rows = []
        for seed in seeds:
            run = simulated(snr, seed, ("H1",), options.steep)
            rows.append(coverage(run, StrainDenoiser(sample_rate=RATE).analyse(run.data[0]), 0))
        print(line(snr, rows), flush=True)
    print("CoherentStrain, two detectors, the mean of both")
    for snr in (8.0, 12.0, 20.0, 40.0):
        rows = []
        for seed in seeds:
            run = simulated(snr, seed, ("H1", "L1"), options.steep)
            results = CoherentStrain(sample_rate=RATE).solve(run.data).details["results"]
            rows += [coverage(run, result, row) for row, result in enumerate(results)]
        print(line(snr, rows), flush=True)


if __name__ == "__main__":
    main()
