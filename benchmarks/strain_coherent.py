"""`CoherentStrain` against single detectors: coverage of the one-sigma band, overlap and relative residual.

Sources of several kinds at random places and orientations are heard by detectors with their own noise
spectra and antenna patterns; the ratio is that of the loudest detector. The truth is the signal whitened as
the data were.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.strain_kinds import BINARIES, KINDS
from sigden import CoherentStrain, StrainDenoiser
from sigden.noise import PowerSpectrum
from sigden.simulate import (
    aligo_psd,
    binary_black_hole,
    coloured_noise,
    newtonian_inspiral,
    ringdown,
    shift_time,
    sine_gaussian,
    supernova_like,
    white_noise_burst,
)
from sigden.strain import Whitening, band_pass

RATE, SECONDS = 2048.0, 8.0
BAND = (35.0, 350.0)
LIGHT = 299792458.0
# Place (m) and arms, Earth-fixed: P. B. Abbott et al., LIGO-T980044.
SITES = {
    "H1": (
        (-2.16141492636e6, -3.83469517889e6, 4.60035022664e6),
        (-0.22389266154, 0.79983062746, 0.55690487831),
        (-0.91397818574, 0.02609403989, -0.40492342125),
    ),
    "L1": (
        (-7.42760447238e4, -5.49628371971e6, 3.22425701744e6),
        (-0.95457412153, -0.14158077340, -0.26218911324),
        (0.29774156894, -0.48791033647, -0.82054461286),
    ),
    "V1": (
        (4.54637409900e6, 8.42989697626e5, 4.37857696241e6),
        (-0.70045821479, 0.20848948619, 0.68256166277),
        (-0.05379255368, -0.96908180549, 0.24080451708),
    ),
}


def density(detector: str) -> PowerSpectrum:
    """H1 at its design, L1 noisier at low frequencies, V1 three times as noisy and more at high ones."""
    f = np.linspace(0.0, RATE / 2, round(2 * RATE) + 1)
    tilt = {
        "H1": 1.0,
        "L1": 0.7 * (1.0 + (80.0 / np.maximum(f, 10.0)) ** 2),
        "V1": 3.0 * (1.0 + (f / 150.0) ** 2),
    }
    return PowerSpectrum(f, aligo_psd(f) * tilt[detector])


def waves(kind: str, rng: Any) -> tuple[Any, Any, float]:
    """Plus and cross of a source in the middle, and the seconds before the peak that are judged."""
    n = round(SECONDS * RATE)
    centre = n // 2 + int(rng.integers(-1000, 1000))
    at, phase = centre / RATE, rng.uniform(0, 2 * np.pi)
    if kind in BINARIES or kind == "neutron stars":
        tilt = rng.uniform(-1, 1)
        if kind in BINARIES:
            low, high, before = BINARIES[kind]
            total, q = rng.uniform(low, high), rng.uniform(0.4, 1)
            m1, chi = total / (1 + q), rng.uniform(-0.4, 0.7)
            # light ones ring above what this rate carries
            wave = binary_black_hole(m1, total - m1, 400, 2 * RATE, 15.0, chi=chi, phase=phase)
            early = wave.peak // 2
            plus, cross = wave.plus[wave.peak % 2 :: 2], wave.cross[wave.peak % 2 :: 2]
            first, last = max(0, centre - early), min(n, centre - early + plus.size)
            both = np.zeros((2, n))
            kept = slice(first - centre + early, last - centre + early)
            both[:, first:last] = plus[kept], cross[kept]
        else:
            before, chirp = 1.0, rng.uniform(1.04, 1.57)
            turns = (phase, phase + np.pi / 2)
            both = np.stack([newtonian_inspiral(n, RATE, chirp, coalescence=at, phase=p) for p in turns])
        return both[0] * (1 + tilt**2) / 2, both[1] * tilt, before
    frequency = float(np.exp(rng.uniform(np.log(60), np.log(0.8 * BAND[1]))))
    ellipse, turn = rng.uniform(-1, 1), phase + np.pi / 2
    if kind == "sine-Gaussian":
        q = float(np.exp(rng.uniform(np.log(3), np.log(60))))
        plus, cross = (sine_gaussian(n, RATE, frequency, q, centre=at, phase=p) for p in (phase, turn))
    elif kind == "ringdown":
        decay = float(np.exp(rng.uniform(np.log(0.004), np.log(0.1))))
        plus, cross = (ringdown(n, RATE, frequency, decay, start=at, phase=p) for p in (phase, turn))
    elif kind == "white noise":
        low = rng.uniform(50, 0.5 * BAND[1])
        width = (low, min(low + float(np.exp(rng.uniform(np.log(30), np.log(200)))), BAND[1]))
        length, ellipse = float(np.exp(rng.uniform(np.log(0.005), np.log(0.1)))), 1.0
        seeds = (int(seed) for seed in rng.integers(1 << 30, size=2))
        plus, cross = (white_noise_burst(n, RATE, width, length, seed, centre=at) for seed in seeds)
    else:
        plus, cross = supernova_like(n, RATE, bounce=at, seed=int(rng.integers(1 << 30))), 0.0
    return plus, cross * ellipse, 0.0


def responses(rng: Any, detectors: Sequence[str]) -> list[tuple[float, float, float]]:
    """Of each detector: response to plus and to cross, and arrival after the centre of the Earth, s."""
    turn, height, twist = rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1), rng.uniform(0, np.pi)
    low = np.sqrt(1 - height**2)
    source = np.array([low * np.cos(turn), low * np.sin(turn), height])
    east = np.array([-np.sin(turn), np.cos(turn), 0.0])
    north = np.cross(source, east)
    x, y = np.cos(twist) * east + np.sin(twist) * north, np.cos(twist) * north - np.sin(twist) * east
    out = []
    for name in detectors:
        place, one, two = (np.array(v) for v in SITES[name])
        tensor = (np.outer(one, one) - np.outer(two, two)) / 2
        out.append((x @ tensor @ x - y @ tensor @ y, 2 * (x @ tensor @ y), -float(place @ source) / LIGHT))
    return out


@dataclass(frozen=True)
class Event:
    """Strain of some detectors, the signals in it, and the seconds before the peak that are judged."""

    data: Any
    signals: Any
    before: float


def event(kind: str, seed: int, snr: float, detectors: Sequence[str]) -> Event:
    """A source of this kind; the seed fixes all but its loudness."""
    rng = np.random.default_rng(seed)
    plus, cross, before = waves(kind, rng)
    signals = np.stack(
        [shift_time(one * plus + two * cross, delay, RATE) for one, two, delay in responses(rng, detectors)]
    )
    n = signals.shape[1]
    f = np.fft.rfftfreq(n, 1 / RATE)
    inside = (f > BAND[0]) & (f < BAND[1])
    spectra = [density(name) for name in detectors]
    power = [
        np.sum(np.abs(np.fft.rfft(h)[inside]) ** 2 / psd.at(f[inside]))
        for h, psd in zip(signals, spectra, strict=True)
    ]
    signals *= snr / np.sqrt(4 * max(power) / (n * RATE))
    noise = [coloured_noise(psd, n, RATE, int(rng.integers(1 << 30))) for psd in spectra]
    return Event(np.stack(noise) + signals, signals, before)


def window(truth: Any, before: float) -> slice:
    """The stretch that is judged."""
    if before:
        peak = int(np.argmax(np.abs(truth)))
        return slice(max(0, peak - round(before * RATE)), peak + round(0.05 * RATE))
    share = np.cumsum(truth**2)
    first, last = np.searchsorted(share / share[-1], [0.01, 0.99])
    return slice(max(0, first - 40), last + 40)


def merits(result: Any, signal: Any, before: float) -> tuple[float, float, float, float]:
    """Share of samples within one standard error, rms of error over it, relative residual, overlap."""
    whitening = Whitening(result.psd, RATE, signal.size)
    truth = band_pass(whitening(signal), RATE, result.band) / result.sigma
    part = window(truth, before)
    u, t = result.whitened_denoised[part], truth[part]
    standard = (u - t) / result.whitened_uncertainty[part]
    length = np.linalg.norm(u) * np.linalg.norm(t)
    return (
        float(np.mean(np.abs(standard) < 1.0)),
        float(np.sqrt(np.mean(standard**2))),
        float(np.linalg.norm(u - t) / np.linalg.norm(t)),
        float(u @ t / length) if length > 0 else 0.0,
    )


def compared(kind: str, seed: int, snr: float, detectors: Sequence[str]) -> Any:
    """Merits together and alone, and whether it was joined, shape (detectors, 9)."""
    found = event(kind, seed, snr, detectors)
    alone = StrainDenoiser(sample_rate=RATE).solve(found.data).details["results"]
    both = CoherentStrain(sample_rate=RATE).solve(found.data).details
    joined = {d for pair in both["pairs"] if pair.coherent for d in (pair.reference, pair.other)}
    rows = zip(both["results"], alone, found.signals, strict=True)
    return np.array(
        [
            (*merits(one, signal, found.before), *merits(other, signal, found.before), d in joined)
            for d, (one, other, signal) in enumerate(rows)
        ]
    )


def row(several: Any) -> str:
    """One line of the table from merits of shape (signals, 9)."""
    cover, rms, relative, overlap, cover1, rms1, relative1, overlap1, joined = several.T
    middle = np.median
    return (
        f"{joined.mean():5.2f}  {cover.mean():.2f} {np.sqrt(np.mean(rms**2)):5.2f}   "
        f"{middle(relative):.3f} {middle(relative1):.3f}   {middle(overlap):.3f} {middle(overlap1):.3f}   "
        f"{np.mean(relative > relative1 + 0.02):.2f}   {cover1.mean():.2f} {np.sqrt(np.mean(rms1**2)):5.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=6, help="sources of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--snr", type=float, nargs="+", default=[8.0, 12.0, 20.0, 40.0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--detectors", nargs="+", choices=list(SITES), default=["H1", "L1"])
    options = parser.parse_args()
    print("                   joined  together:    residual      overlap        share   alone:")
    print("                           cover rms    both  alone   both  alone   worse   cover rms")
    for snr in options.snr:
        tables = []
        for number, kind in enumerate(options.kinds):
            seeds = [100000 * options.seed + 1000 * number + i for i in range(options.count)]
            tables.append(np.concatenate([compared(kind, seed, snr, options.detectors) for seed in seeds]))
            print(f"snr {snr:3g} {kind:14s} {row(tables[-1])}", flush=True)
        print(f"snr {snr:3g} all            {row(np.concatenate(tables))}", flush=True)


if __name__ == "__main__":
    main()
