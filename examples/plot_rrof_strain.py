"""
Real strain, step by step
=========================

One second of real strain of H1, L1 and V1 comes with gwpy. This example joins by hand what
:class:`~sigden.StrainDenoiser` does in one call: spectrum, whitening, band-pass, rROF, band-pass, and back.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import RROF
from sigden.io import read_strain, shipped_example
from sigden.noise import mad_sigma, welch_psd
from sigden.strain import Whitening, band_pass

series = read_strain(shipped_example())["L1"]
x, rate = series.values, series.sample_rate
print(series.name, x.size, "samples at", rate, "Hz")

# %%
# A second is short: with segments of an eighth of a second, 15 of them overlap in it and resolve the spectrum
# to 8 Hz.

psd = welch_psd(x, rate, segment_seconds=0.125)
whiten = Whitening(psd, rate, x.size, impulse_seconds=0.0625)
band = (60.0, 600.0)
white = band_pass(whiten(x), rate, band)
white = white / mad_sigma(white)

# %%
# rROF for unit noise. The band-pass after it takes away the edges that total variation leaves.

found = {w: RROF(regularization=w).solve(white, sigma=1.0) for w in (1.0, 4.0, 16.0)}
for weight, solution in found.items():
    print(f"regularization {weight:4}: gap {solution.gap:.0e}, {solution.iterations} Newton steps")

t = np.arange(x.size) / rate
window = (t > 0.4) & (t < 0.5)
fig, axes = plt.subplots(3, 1, figsize=(9, 6.5), sharex=True, sharey=True, layout="constrained")
for ax, (weight, solution) in zip(axes, found.items(), strict=True):
    clean = band_pass(solution.estimate, rate, band)
    ax.plot(t[window], white[window], color="0.75", label="whitened, band-passed")
    ax.plot(t[window], solution.estimate[window], color="C1", lw=1, label="rROF")
    ax.plot(t[window], clean[window], color="C0", lw=1.8, label="rROF, band-passed")
    ax.set(ylabel="strain / sigma", title=f"regularization = {weight}")
axes[0].legend(ncols=3, frameon=False, loc="upper right")
axes[0].set_ylim(-2.6, 3.6)
axes[-1].set_xlabel("time (s)")
plt.show()

# %%
# Colouring undoes the whitening, edges included. What is lost is rounding, which the steepness of the
# spectrum amplifies.

back = whiten.inverse(whiten(x))
error = np.abs(back - x).max() / np.abs(x).max()
print(f"error of the way there and back, relative to the largest sample: {error:.0e}")
