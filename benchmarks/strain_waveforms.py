"""Binary black holes of LALSimulation's models in `tracked`, with and without the hypothesis of an inspiral.

Needs lalsuite beside sigden; the package itself knows none of these models.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.strain_kinds import RATE
from sigden.denoisers.tracks import estimate_tracks
from sigden.simulate import aligo_psd
from sigden.strain import band_pass, tracked
from sigden.strain.tracked import FlatBand, noise_density

BAND = (35.0, 350.0)
SECONDS = 16.0
MODELS = {"aligned": "IMRPhenomD", "precessing": "IMRPhenomPv2", "higher modes": "IMRPhenomXHM"}


def waveform(model: str, rng: Any) -> tuple[float, Any]:
    """Total mass, and the whitened signal of unit norm in the band, 4 s that end 1.4 s after its peak."""
    import lal
    import lalsimulation

    total, ratio = float(np.exp(rng.uniform(np.log(8), np.log(150)))), rng.uniform(0.25, 1)
    first = total / (1 + ratio)
    spins: Any = ([0.0, 0.0, rng.uniform(-0.5, 0.8)], [0.0, 0.0, rng.uniform(-0.5, 0.8)])
    if model == "IMRPhenomPv2":
        direction = rng.standard_normal(3)
        spins = (rng.uniform(0.2, 0.7) * direction / np.linalg.norm(direction), spins[1])
    plus, cross = lalsimulation.SimInspiralFD(
        first * lal.MSUN_SI, (total - first) * lal.MSUN_SI, *spins[0], *spins[1], 4e8 * lal.PC_SI,
        rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi), 0.0, 0.0, 0.0, 1 / SECONDS, 12.0, RATE / 2, 20.0,
        None, getattr(lalsimulation, model),
    )  # fmt: skip
    n = round(SECONDS * RATE)
    spectrum = rng.uniform(-1, 1) * plus.data.data + rng.uniform(-1, 1) * cross.data.data
    frequencies = np.fft.rfftfreq(n, 1 / RATE)
    spectrum = spectrum[: n // 2 + 1] * 1e21 / np.sqrt(aligo_psd(np.maximum(frequencies, 10.0)) * 1e46)
    h = np.fft.irfft(spectrum, n)
    white = band_pass(np.roll(h, n // 2 - int(np.argmax(np.abs(h)))), RATE, BAND)
    peak = int(np.argmax(np.abs(white)))
    white = white[peak - round(2.6 * RATE) : peak + round(1.4 * RATE)]
    return total, white / np.linalg.norm(white)


def figures(u: Any, error: Any, h: Any) -> tuple[float, float, float]:
    """Overlap, relative residual, and how often the band of one standard error holds."""
    length = np.linalg.norm(u) * np.linalg.norm(h)
    overlap = float(u @ h / length) if length > 0 else 0.0
    return overlap, float(np.linalg.norm(u - h) / np.linalg.norm(h)), float(np.mean(np.abs(u - h) < error))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=12, help="signals of each model")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unit = np.sqrt(RATE / (2 * (BAND[1] - BAND[0])))
    print("median overlap / relative residual, tracks alone -> with inspirals, and coverage of the latter")
    for number, (name, model) in enumerate(MODELS.items()):
        rng = np.random.default_rng([options.seed, number])
        cells: dict[float, list[Any]] = {8.0: [], 12.0: [], 20.0: []}
        for _ in range(options.count):
            total, white = waveform(model, rng)
            before = 0.2 if total > 50 else 0.6
            peak = round(2.6 * RATE)
            window = slice(peak - round(before * RATE), peak + round(0.05 * RATE))
            noise = band_pass(rng.standard_normal(white.size + 8192), RATE, BAND)[4096:-4096]
            noise /= noise.std()
            for snr, values in cells.items():
                h = snr * unit * white
                x = noise + h
                flat = FlatBand(x.size, RATE, BAND, noise_density(x, RATE, BAND))
                free = flat.real(estimate_tracks(flat.analytic(x), flat.rate, BAND).signal)
                found = tracked(x, RATE, BAND)
                error = found.uncertainty[window]
                values.append(
                    figures(free[window], error, h[window])[:2]
                    + figures(found.estimate[window], error, h[window])
                )
        row = []
        for snr, values in cells.items():
            m, covered = np.median(values, axis=0), float(np.mean([v[4] for v in values]))
            row.append(f"snr {snr:g}: {m[0]:.3f} / {m[1]:.3f} -> {m[2]:.3f} / {m[3]:.3f}, {covered:.2f}")
        print(f"{name:13s} " + "   ".join(row), flush=True)


if __name__ == "__main__":
    main()
