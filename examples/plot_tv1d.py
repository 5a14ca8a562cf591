"""
Steps in a time series
======================

Exact total variation keeps edges that a linear filter smears. The strength is found without truth,
from the risk that Stein's formula estimates.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import TV1D
from sigden.metrics import mse
from sigden.simulate import donoho_johnstone

truth = donoho_johnstone("blocks", n=2048)
noisy = truth + np.random.default_rng(0).normal(size=truth.size)

# %%
# One call; noise level and strength come from the data. ``solve`` says what they were.

solution = TV1D().solve(noisy)
clean = solution.estimate
print("noise level     ", np.round(solution.details["sigma"], 3), "(true: 1)")
print("regularization  ", np.round(solution.details["regularization"], 2))
print("relative gap    ", f"{solution.gap:.1e}", solution.status.value)
print("squared error   ", f"{mse(noisy, truth):.3f} -> {mse(clean, truth):.3f}")

# %%
# For comparison, the running mean of the width that is best for this signal, found with the truth at hand.


def running_mean(x, width):
    return np.convolve(np.pad(x, width // 2, mode="edge"), np.ones(width) / width, mode="valid")


best = min((running_mean(noisy, w) for w in range(3, 61, 2)), key=lambda u: mse(u, truth))
print("running mean    ", f"{mse(best, truth):.3f}")

fig, (top, bottom) = plt.subplots(2, 1, figsize=(9, 6), layout="constrained")
for ax, part in ((top, slice(None)), (bottom, slice(150, 550))):
    t = np.arange(truth.size)[part]
    ax.plot(t, noisy[part], ".", ms=3, color="0.75", label="data")
    ax.plot(t, best[part], color="C1", lw=1.2, label="best running mean")
    ax.plot(t, clean[part], color="C0", lw=1.8, label="TV1D")
    ax.plot(t, truth[part], "k:", lw=1.2, label="truth")
top.legend(ncols=4, loc="upper right", frameon=False)
top.set_ylim(top=top.get_ylim()[1] * 1.15)
bottom.set(xlabel="sample", title="detail")
plt.show()
