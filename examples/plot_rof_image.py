"""
An image with dead pixels
=========================

Isotropic total variation in two dimensions, with dead columns and pixels under a mask.
"""

import matplotlib.pyplot as plt
import numpy as np

from sigden import ROF
from sigden.metrics import psnr
from sigden.simulate import cartoon_image

truth = cartoon_image(160, 160)
rng = np.random.default_rng(0)
noisy = truth + 0.15 * rng.normal(size=truth.shape)
noisy[:, 60:63] = np.nan  # dead columns
noisy[rng.random(truth.shape) < 0.02] = np.nan  # dead pixels

# %%
# Masked pixels may hold anything. They take part in nothing, and the estimate joins their neighbours.

bad = np.isnan(noisy)
solution = ROF().solve(noisy, mask=bad)
clean = solution.estimate
print("noise level   ", np.round(solution.details["sigma"], 4), "(true: 0.15)")
print("relative gap  ", f"{solution.gap:.1e} after {solution.iterations} iterations")
print("PSNR          ", f"{psnr(noisy, truth, mask=bad):.1f} -> {psnr(clean, truth, mask=bad):.1f} dB")

# %%
# A value for the strength overrides the choice, in units that do not depend on the data's.

strong = ROF(regularization=3.0)(noisy, mask=bad)

fig, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
shown = {"truth": truth, "data": noisy, "ROF()": clean, "ROF(regularization=3)": strong}
for ax, (title, image) in zip(axes, shown.items(), strict=True):
    ax.imshow(image, vmin=-0.1, vmax=1.1, cmap="gray")
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
