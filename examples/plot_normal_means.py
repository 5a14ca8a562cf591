"""
Ten thousand means at once
==========================

Most of many effects are small, a few are large, and each was measured once. Tweedie's formula takes off the
noise that singles out the largest, and the prior that it needs is learnt from all of them.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import KernelDensity
from sigden.debias.normal_means import normal_means

random = np.random.default_rng(0)
n = 10_000
theta = np.where(random.random(n) < 0.9, random.normal(0, 0.3, n), random.normal(2.0, 1.5, n))
x = theta + random.normal(size=n)

result = normal_means(x, sigma=1.0)
kernel = KernelDensity().fit(x).posterior_mean(x, sigma=1.0)
for name, estimate in (("data", x), ("kernel density", kernel), ("normal_means", result.mean)):
    print(f"{name:15s} mean squared error {np.mean((estimate - theta) ** 2):.3f}")

# %%
# The hundred largest data are mostly lucky. The posterior is not fooled, and says how sure it is.

top = np.argsort(x)[-100:]
low, high = result.interval(0.9)
inside = (low <= theta) & (theta <= high)
means = (values[top].mean() for values in (x, result.mean, theta))
print("top 100: data {:.2f}, estimate {:.2f}, truth {:.2f}".format(*means))
print(f"90 % intervals hold {inside.mean():.1%} of all, {inside[top].mean():.0%} of the top 100")

# %%
# Signs: choose those whose sign is wrong with a probability below 5 %.

rate = result.false_sign_rate()
chosen = rate < 0.05
wrong = np.sign(result.mean[chosen]) != np.sign(theta[chosen])
print(f"{chosen.sum()} signs, promised wrong {rate[chosen].mean():.1%}, wrong {wrong.mean():.1%}")

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
order = np.argsort(x)
left.plot(x, theta, ".", ms=2, color="0.8", label="truth")
left.plot(x[order], x[order], "k:", lw=1, label="data")
left.plot(x[order], kernel[order], color="C1", label="kernel density")
left.plot(x[order], result.mean[order], color="C0", label="normal_means")
left.fill_between(x[order], low[order], high[order], color="C0", alpha=0.15, lw=0, label="90 % interval")
left.set(xlabel="x", ylabel=r"$\theta$")
left.legend(frameon=False)
grid = np.linspace(x.min(), x.max(), 400)
right.hist(x, 80, density=True, color="0.85")
right.plot(grid, np.exp(result.prior.log_density(grid)), color="C0", label="its density, normal_means")
right.plot(grid, np.exp(KernelDensity().fit(x).log_density(grid)), color="C1", label="kernel density")
right.set(xlabel="x", yscale="log", ylim=(1e-5, 1))
right.legend(frameon=False)
plt.show()
