"""Quality of `StrainDenoiser` on signals of many kinds, with rROF after it, and how often its band holds."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from sigden import RROF
from sigden.simulate import (
    aligo_psd,
    binary_black_hole,
    newtonian_inspiral,
    ringdown,
    sine_gaussian,
    supernova_like,
    white_noise_burst,
)
from sigden.strain import StrainDenoiser, StrainResult, band_pass

RATE, SECONDS, PAD = 4096.0, 4.0, 2.0
KINDS = (
    "heavy",
    "black holes",
    "light",
    "neutron stars",
    "sine-Gaussian",
    "ringdown",
    "white noise",
    "collapse",
)
BINARIES = {"heavy": (60, 140, 0.2), "black holes": (30, 70, 0.3), "light": (14, 30, 0.6)}


def wave(kind: str, rng: Any, band: tuple[float, float]) -> tuple[Any, float]:
    """Strain of 8 s, and how many seconds before the merger are judged; 0 where there is none."""
    n = round((SECONDS + 2 * PAD) * RATE)
    centre = n // 2 + int(rng.integers(-2000, 2000))
    at, phase = centre / RATE, rng.uniform(0, 2 * np.pi)
    frequency = float(np.exp(rng.uniform(np.log(60), np.log(0.8 * band[1]))))
    before = 0.0
    if kind in BINARIES:
        low, high, before = BINARIES[kind]
        total, q = rng.uniform(low, high), rng.uniform(0.4, 1)
        m1, chi = total / (1 + q), rng.uniform(-0.4, 0.7)
        wave = binary_black_hole(m1, total - m1, 400, RATE, 15.0, chi=chi, phase=phase)
        h = np.zeros(n)
        first, last = max(0, centre - wave.peak), min(n, centre - wave.peak + wave.plus.size)
        h[first:last] = wave.plus[first - centre + wave.peak : last - centre + wave.peak]
    elif kind == "neutron stars":
        before = 1.0
        h = newtonian_inspiral(n, RATE, rng.uniform(1.04, 1.57), coalescence=at, phase=phase)
    elif kind == "sine-Gaussian":
        q = float(np.exp(rng.uniform(np.log(3), np.log(60))))
        h = sine_gaussian(n, RATE, frequency, q, centre=at, phase=phase)
    elif kind == "ringdown":
        decay = float(np.exp(rng.uniform(np.log(0.004), np.log(0.1))))
        h = ringdown(n, RATE, frequency, decay, start=at, phase=phase)
    elif kind == "white noise":
        low = rng.uniform(50, 0.5 * band[1])
        high = min(low + float(np.exp(rng.uniform(np.log(30), np.log(200)))), band[1])
        length = float(np.exp(rng.uniform(np.log(0.005), np.log(0.1))))
        h = white_noise_burst(n, RATE, (low, high), length, int(rng.integers(1 << 30)), centre=at)
    else:
        h = supernova_like(n, RATE, bounce=at, seed=int(rng.integers(1 << 30)))
    return h, before


def signal(kind: str, rng: Any, band: tuple[float, float]) -> tuple[Any, slice]:
    """Whitened signal in the band and the window that is judged."""
    h, before = wave(kind, rng, band)
    n = h.size
    f = np.fft.rfftfreq(n, 1 / RATE)
    white = np.fft.irfft(np.fft.rfft(h) / np.sqrt(aligo_psd(np.maximum(f, 10.0)) * 1e46), n)
    edge = round(PAD * RATE)
    white = band_pass(white, RATE, band)[edge:-edge]
    white /= np.linalg.norm(white)
    return white, judged(white, before)


def judged(white: Any, before: float) -> slice:
    """Window around a whitened signal of unit energy."""
    if before:
        peak = int(np.argmax(np.abs(white)))
        return slice(max(0, peak - round(before * RATE)), peak + round(0.05 * RATE))
    share = np.cumsum(white**2)
    first, last = np.searchsorted(share, [0.01, 0.99])
    return slice(max(0, first - 80), last + 80)


def merits(u: Any, truth: Any, window: slice, error: Any = np.nan) -> tuple[float, float, float]:
    """Overlap, relative residual, and the share of samples within the error."""
    u, t = u[window], truth[window]
    length = np.linalg.norm(u) * np.linalg.norm(t)
    covered = np.mean(np.abs(u - t) < error[window]) if np.ndim(error) else np.nan
    overlap = u @ t / length if length > 0 else 0.0
    return float(overlap), float(np.linalg.norm(u - t) / np.linalg.norm(t)), float(covered)


def polished(found: StrainResult, band: tuple[float, float]) -> dict[str, Any]:
    """The estimate after rROF, weight and noise level from its own input, in the band."""
    u, residual = found.whitened_denoised, found.whitened - found.whitened_denoised
    return {
        "rROF of the estimate": band_pass(RROF()(u), RATE, band) * found.sigma,
        "plus rROF of the residual": (u + band_pass(RROF()(residual), RATE, band)) * found.sigma,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8, help="signals of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--snr", type=float, nargs="+", default=[8.0, 12.0, 20.0])
    parser.add_argument("--polish", action="store_true", help="rows with rROF as the last step, too")
    options = parser.parse_args()
    print("median overlap / relative residual / mean coverage of the one-sigma band in the window")
    covered: dict[float, list[float]] = {snr: [] for snr in options.snr}
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng([options.seed, number])
        rows: dict[str, dict[float, list[tuple[float, float, float]]]] = {}
        for _ in range(options.count):
            band = (rng.uniform(25, 45), float(rng.choice([300, 350, 450, 600, 800])))
            white, window = signal(kind, rng, band)
            noise = band_pass(rng.standard_normal(white.size + 8192), RATE, band)[4096:-4096]
            unit = np.sqrt(RATE / (2 * (band[1] - band[0])))
            for snr in options.snr:
                h = snr * unit * white
                x = noise / noise.std() + h
                found = StrainDenoiser(sample_rate=RATE, whitened=True).analyse(x)
                u, error = found.whitened_denoised * found.sigma, found.whitened_uncertainty * found.sigma
                cells = {kind: merits(u, h, window, error)}
                if options.polish:
                    for name, estimate in polished(found, found.band).items():
                        cells[name] = merits(estimate, h, window)
                for name, cell in cells.items():
                    rows.setdefault(name, {}).setdefault(snr, []).append(cell)
        for name, values in rows.items():
            row = []
            for snr, several in values.items():
                table = np.asarray(several)
                overlap, relative = np.median(table[:, :2], axis=0)
                share = f" / {table[:, 2].mean():.2f}" if name == kind else ""
                row.append(f"snr {snr:g}: {overlap:.3f} / {relative:.3f}{share}")
                if name == kind:
                    covered[snr].append(float(table[:, 2].mean()))
            print(f"{name:{26 if options.polish else 14}s}  " + "   ".join(row), flush=True)
    print(
        "coverage, mean over kinds: " + ", ".join(f"snr {s:g}: {np.mean(v):.3f}" for s, v in covered.items())
    )


if __name__ == "__main__":
    main()
