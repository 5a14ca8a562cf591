"""
A cube with every defect at once
================================

Gaussian noise of another level in each band, stripes, impulses and dead columns; nothing is told to
the method.
"""

import matplotlib.pyplot as plt

from sigden import RobustSubspace
from sigden.metrics import band_psnr, mpsnr
from sigden.simulate import mixed_noise, spectral_cube

truth = spectral_cube((64, 64), 60, endmembers=5, seed=1)
noisy = mixed_noise(truth, seed=2)
result = RobustSubspace().solve(noisy)

counts = result.components.counts()
print(
    f"{mpsnr(noisy, truth):.1f} dB before, {mpsnr(result.estimate, truth):.1f} dB after, rank {result.rank}"
)
print(counts)

band = int(result.components.outliers.sum(axis=(0, 1)).argmax())
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
images = {"truth": truth, "data": noisy, "estimate": result.estimate}
for axis, (name, cube) in zip(axes, images.items(), strict=False):
    axis.imshow(cube[..., band], vmin=0, vmax=1, cmap="gray")
    axis.set(title=f"{name}, band {band}", xticks=[], yticks=[])
axes[3].plot(band_psnr(noisy, truth), label="data")
axes[3].plot(band_psnr(result.estimate, truth), label="estimate")
axes[3].set(xlabel="band", ylabel="PSNR (dB)")
axes[3].legend()
plt.show()
