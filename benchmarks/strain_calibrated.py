"""How often the one-sigma band of calibrated strain holds the truth: many kinds of signals, several of noise.

Beside it the same of whitened strain, from which the other is made, and the ratio of the rms of their errors
over the band: 1 where the band has come through the colouring as it should.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.strain_kinds import KINDS, RATE, judged, wave
from sigden.io import read_strain
from sigden.noise import PowerSpectrum, welch_psd
from sigden.simulate import aligo_psd, aligo_spectrum, coloured_noise, inject
from sigden.strain import StrainDenoiser, Whitening, band_pass

DATA = Path(os.environ.get("SIGDEN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "strain"
BAND = (35.0, 350.0)
QUIET = (0.0, 4.0, 20.0, 24.0)  # s: where 8 s of the files of 32 s begin without the event


def default(rng: Any, n: int) -> tuple[Any, PowerSpectrum]:
    psd = aligo_spectrum(RATE)
    return coloured_noise(psd, n, RATE, int(rng.integers(1 << 30))), psd


def steep(rng: Any, n: int) -> tuple[Any, PowerSpectrum]:
    """The default noise times 1 + (70 Hz / f)^6."""
    psd = aligo_spectrum(RATE)
    rise = 1.0 + (70.0 / np.maximum(psd.frequencies, 10.0)) ** 6
    psd = PowerSpectrum(psd.frequencies, psd.density * rise)
    return coloured_noise(psd, n, RATE, int(rng.integers(1 << 30))), psd


def real(rng: Any, n: int) -> tuple[Any, PowerSpectrum]:
    """H1 or L1 around one of two events."""
    files = sorted(DATA.glob("*LOSC*.hdf5"))
    (record,) = read_strain(files[int(rng.integers(len(files)))]).values()
    x = record.values
    first = round(float(rng.choice(QUIET)) * RATE)
    return x[first : first + n], welch_psd(x, RATE, segment_seconds=4.0)


def one(kind: str, noise: Any, snr: float, rng: Any) -> tuple[float, ...]:
    """Coverage and mean square of the standardised error, whitened and calibrated."""
    h, before = wave(kind, rng, BAND)
    x, psd = noise(rng, h.size)
    x, h = inject(x, h, psd, snr, RATE, f_low=30.0)
    found = StrainDenoiser(sample_rate=RATE).analyse(x)
    # lines of a real spectrum would ring in the window
    density = aligo_psd(np.maximum(np.fft.rfftfreq(h.size, 1 / RATE), 10.0)) / aligo_psd(100.0)
    white = band_pass(np.fft.irfft(np.fft.rfft(h) / np.sqrt(density)), RATE, BAND)
    window = judged(white / np.linalg.norm(white), before)
    truth = band_pass(Whitening(found.psd, RATE, h.size)(h), RATE, BAND) / found.sigma
    one = ((found.whitened_denoised - truth) / found.whitened_uncertainty)[window]
    other = ((found.denoised - found.in_band(h)) / found.uncertainty)[window]
    return tuple(float(v) for e in (one, other) for v in (np.mean(np.abs(e) < 1.0), np.mean(e**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8, help="signals of each kind and ratio")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--snr", type=float, nargs="+", default=[8.0, 12.0, 20.0])
    options = parser.parse_args()
    print("coverage of the one-sigma band, whitened / calibrated / ratio of the rms")
    for spectrum, noise in (("default", default), ("steep", steep), ("real", real)):
        if noise is real and not list(DATA.glob("*LOSC*.hdf5")):
            print(f"real noise left out: no strain in {DATA}; set SIGDEN_DATA")
            continue
        cells = []
        for number, kind in enumerate(KINDS):
            row = []
            for snr in options.snr:
                rng = np.random.default_rng([options.seed, number])
                table = np.mean([one(kind, noise, snr, rng) for _ in range(options.count)], axis=0)
                cells.append((table[0], table[2], np.sqrt(table[3] / table[1])))
                row.append("snr {:g}: {:.2f} / {:.2f} / {:.2f}".format(snr, *cells[-1]))
            print(f"{spectrum:8s} {kind:14s} " + "   ".join(row), flush=True)
        white, calibrated, ratio = np.asarray(cells).T
        print(
            f"{spectrum:8s} mean {white.mean():.3f} / {calibrated.mean():.3f}, rms difference of a cell "
            f"{np.sqrt(np.mean((calibrated - white) ** 2)):.3f}, ratio {ratio.min():.2f} to {ratio.max():.2f}"
        )


if __name__ == "__main__":
    main()
