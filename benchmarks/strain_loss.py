"""Where the estimate of a loud merger loses overlap: band, model, amplitude, what a track must learn."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.strain_kinds import RATE
from sigden.simulate import aligo_psd, binary_black_hole
from sigden.strain import StrainDenoiser, band_pass
from sigden.strain.tracked import FlatBand, noise_density

BAND = (35.0, 350.0)
SECONDS = 4.0
MASSES = (41.7, 29.2)
BEFORE, AFTER = 0.2, 0.05


def merger(phase: float) -> tuple[Any, slice]:
    """Whitened merger of unit norm in the band, and the window that is judged."""
    n, pad = round((SECONDS + 4.0) * RATE), round(2.0 * RATE)
    wave = binary_black_hole(*MASSES, 400, RATE, 15.0, phase=phase)
    h, first = np.zeros(n), n // 2 - wave.peak
    low, high = max(0, first), min(n, first + wave.plus.size)
    h[low:high] = wave.plus[low - first : high - first]
    density = aligo_psd(np.maximum(np.fft.rfftfreq(n, 1 / RATE), 10.0)) * 1e46
    white = band_pass(np.fft.irfft(np.fft.rfft(h) / np.sqrt(density), n), RATE, BAND)[pad:-pad]
    white /= np.linalg.norm(white)
    peak = int(np.argmax(np.abs(white)))
    return white, slice(peak - round(BEFORE * RATE), peak + round(AFTER * RATE))


def overlap(u: Any, h: Any) -> float:
    return float(u @ h / np.sqrt((u @ u) * (h @ h)))


def denoised(x: Any) -> Any:
    return StrainDenoiser(sample_rate=RATE, whitened=True, band=BAND).analyse(x).denoised


def known_spectrogram(x: Any, h: Any, noise: Any) -> Any:
    """Wiener filters of several windows that know the signal's spectrogram; the best of them."""
    from scipy.signal import istft, stft

    best, score = x, -1.0
    for length in (128, 256, 512, 1024):
        signal, quiet, data = (
            stft(v, RATE, nperseg=length, noverlap=length * 7 // 8)[2] for v in (h, noise, x)
        )
        power = np.abs(signal) ** 2
        level = np.mean(np.abs(quiet) ** 2, axis=1, keepdims=True)
        u = istft(data * power / (power + level), RATE, nperseg=length, noverlap=length * 7 // 8)[1][: x.size]
        found = float(np.sum((u - h) ** 2))
        if score < 0 or found < score:
            best, score = u, found
    return best


def known_track(x: Any, h: Any, seconds: float) -> Any:
    """Amplitude and slow phase smoothed along the signal's own phase."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import hilbert

    carrier = hilbert(h)
    carrier = carrier / np.maximum(np.abs(carrier), 1e-9 * np.abs(carrier).max())
    base = hilbert(x) * carrier.conj()
    smooth = gaussian_filter1d(base.real, seconds * RATE) + 1j * gaussian_filter1d(base.imag, seconds * RATE)
    return (smooth * carrier).real


def known_amplitude(u: Any, h: Any, seconds: float = 0.03) -> Any:
    """The estimate with the best gain in every stretch."""
    from scipy.ndimage import gaussian_filter1d

    width = seconds * RATE
    return u * gaussian_filter1d(u * h, width) / np.maximum(gaussian_filter1d(u * u, width), 1e-12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--snr", type=float, default=20.0)
    options = parser.parse_args()
    unit = np.sqrt(RATE / (2 * (BAND[1] - BAND[0])))
    rows: dict[str, list[float]] = {}
    for seed in range(options.seeds):
        rng = np.random.default_rng([700, seed])
        white, window = merger(rng.uniform(0, 2 * np.pi))
        h = options.snr * unit * white
        noise = band_pass(rng.standard_normal(white.size + 8192), RATE, BAND)[4096:-4096]
        noise /= noise.std()
        x, faint = noise + h, 0.1 * noise + h
        u = denoised(x)
        flat = FlatBand(x.size, RATE, BAND, noise_density(noise, RATE, BAND))
        found = {
            "input": x,
            "StrainDenoiser": u,
            "  its gain set by the truth every 30 ms": known_amplitude(u, h),
            "  noise ten times weaker": denoised(faint),
            "  band alone: signal through the flat band and back": flat.real(flat.analytic(h)),
            "Wiener filter that knows the spectrogram": known_spectrogram(x, h, noise),
            "true phase, amplitude smoothed over 10 ms": known_track(x, h, 0.010),
            "true phase, amplitude smoothed over 20 ms": known_track(x, h, 0.020),
            "true phase, amplitude smoothed over 40 ms": known_track(x, h, 0.040),
        }
        for name, estimate in found.items():
            rows.setdefault(name, []).append(overlap(estimate[window], h[window]))
    print(
        f"overlap of {options.seeds} mergers, {MASSES[0]} + {MASSES[1]} solar masses, ratio {options.snr:g}"
    )
    print(f"{'':52s} 10 %   median 90 %")
    for name, values in rows.items():
        print(f"{name:52s} " + "  ".join(f"{q:.3f}" for q in np.quantile(values, [0.1, 0.5, 0.9])))


if __name__ == "__main__":
    main()
