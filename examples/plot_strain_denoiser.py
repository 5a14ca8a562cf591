"""
A simulated binary black hole
=============================

Sixteen seconds of two detectors with noise of the shape of advanced LIGO's, and one merger whose waveform is
known. The denoiser is given neither the waveform nor the noise spectrum.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import StrainDenoiser
from sigden.metrics import overlap
from sigden.simulate import strain
from sigden.strain import Whitening, band_pass

record = strain(duration=16.0, snr=20.0, seed=1)
method = StrainDenoiser(band=(35.0, 350.0))
results = [
    method.analyse(row, sample_rate=record.sample_rate, t0=record.t0, label=name)
    for name, row in zip(record.detectors, record.data, strict=True)
]

# %%
# The truth in whitened units is the signal through the same whitening, band-pass and scaling.


def whitened_truth(result, signal):
    whiten = Whitening(result.psd, result.sample_rate, signal.size)
    return band_pass(whiten(signal), result.sample_rate, result.band) / result.sigma


time = record.t0 + np.arange(record.data.shape[-1]) / record.sample_rate
merger = record.peak_times[0]
window = (time > merger - 0.15) & (time < merger + 0.05)

fig, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
for i, (name, result) in enumerate(zip(record.detectors, results, strict=True)):
    truth = whitened_truth(result, record.signal[i])[window]
    data, clean = result.whitened[window], result.whitened_denoised[window]
    before, after = overlap(data, truth), overlap(clean, truth)
    t = time[window] - merger
    axes[i].plot(t, data, color="0.75", lw=1, label="whitened data")
    axes[i].plot(t, clean, color="C0", lw=1.8, label="denoised")
    axes[i].plot(t, truth, "k:", lw=1.2, label="truth")
    axes[i].set_title(f"{name}: overlap with the truth {before:.2f} -> {after:.2f}")
    axes[i].set_ylabel("strain / sigma")
axes[0].legend(frameon=False, loc="upper left")
axes[1].set_xlabel("time from the merger in H1 (s)")
plt.show()

# %%
# What the method says about its result, without the truth.

for name, result in zip(record.detectors, results, strict=True):
    print(name)
    for key, value in result.figures.items():
        print(f"    {key:20s} {value:.6g}" if abs(value) < 1e6 else f"    {key:20s} {value:.4f}")
