"""
How strong?
===========

The rules that choose the strength without truth, against the error that only a simulation can know.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import TV1D
from sigden.denoisers.choice import universal_weight
from sigden.metrics import mse
from sigden.simulate import donoho_johnstone

# %%
# Fifty records of one signal, denoised at each strength as one batch.

truth = donoho_johnstone("bumps", n=1024)
noisy = truth + np.random.default_rng(0).normal(size=(50, truth.size))

weights = np.geomspace(0.05, universal_weight(truth.shape), 40)
errors = [np.mean([mse(u, truth) for u in TV1D(regularization=float(w))(noisy, sigma=1.0)]) for w in weights]
best = int(np.argmin(errors))

fig, ax = plt.subplots(figsize=(9, 4.5), layout="constrained")
ax.loglog(weights, errors, color="k", label="error, needs the truth")
for color, rule in (("C0", "sure"), ("C1", "discrepancy"), ("C3", "universal")):
    solution = TV1D(regularization=rule).solve(noisy, sigma=1.0)
    chosen = np.asarray(solution.details["regularization"])
    error = np.array([mse(u, truth) for u in solution.estimate])
    ax.plot(chosen, error, ".", color=color, alpha=0.6, label=f'"{rule}"')
    print(f"{rule:12s} strength {chosen.mean():6.2f}   squared error {error.mean():.4f}")
print(f"{'best':12s} strength {weights[best]:6.2f}   squared error {errors[best]:.4f}")
ax.set(xlabel="regularization (unit noise)", ylabel="mean squared error")
ax.legend(frameon=False)
plt.show()

# %%
# ``"sure"`` follows the minimum from record to record. ``"universal"`` is meant to leave no noise at all and
# pays for it in bias where a signal has much detail.
