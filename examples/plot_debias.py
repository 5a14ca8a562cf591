"""
A map that shrinks
==================

A treatment raises the truth by a half; a predictor that shrinks towards the mean sees two thirds of it. Four
corrections, and what their intervals hold.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import LinearCalibration, SieveCalibration, TweedieCorrection
from sigden.debias import binned_bias, cross_fit, diagnose, difference_in_means
from sigden.simulate import shrunken_predictions

# %%
# Calibration items with truth, and a trial without. The truth has two modes.

known = shrunken_predictions(1500, seed=1, shape="bimodal")
treated = shrunken_predictions(3000, seed=2, shape="bimodal", shift=0.5)
control = shrunken_predictions(3000, seed=3, shape="bimodal")
predictions = np.concatenate([treated.predictions, control.predictions])
arm = np.repeat([True, False], 3000)

found = diagnose(known.predictions, known.truth)
print(f"slope of prediction on truth {found.attenuation:.2f}; {'; '.join(found.notes)}: {found.recommended}")

# %%
# The effect by each correction. Linear calibration misses part of it, because the mean prediction bends.

methods = [LinearCalibration(), TweedieCorrection(), SieveCalibration()]
fitted = [method.fit(known.predictions, known.truth) for method in methods]
effects = [difference_in_means(calibration, predictions, arm, replicates=100) for calibration in fitted]

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
names = ["raw", *(method.name() for method in methods)]
for k, (name, effect) in enumerate(zip(names, [effects[0], *effects], strict=True)):
    if name == "raw":
        left.plot(effect.uncorrected, k, "s", color="0.5")
        continue
    left.plot([effect.low, effect.high], [k, k], color=f"C{k}", lw=2)
    left.plot(effect.estimate, k, "o", color=f"C{k}")
    print(f"{name:20s} {effect.estimate:.3f}  [{effect.low:.3f}, {effect.high:.3f}]")
left.axvline(0.5, color="k", lw=1, ls="--")
left.set(yticks=range(4), yticklabels=names, xlabel="effect (truth 0.5)")

# %%
# What bias is left in bins of the truth, for calibration items that each fit had not seen.

bins = binned_bias(known.predictions, known.truth)
right.plot(bins.truth, bins.bias, "s-", color="0.5", label="raw")
for k, method in enumerate(methods, start=1):
    held_out = binned_bias(cross_fit(method, known.predictions, known.truth), known.truth)
    right.plot(held_out.truth, held_out.bias, "o-", color=f"C{k}", label=method.name())
right.axhline(0, color="k", lw=1)
right.set(xlabel="truth", ylabel="mean error")
right.legend(frameon=False)
plt.show()
