"""Other packages on a simulated scene: each takes it and returns r, i, z at its target PSF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.simulate.scene import Scene

__all__ = ["PEERS"]


def _spread(image: Any, psf: Any) -> Any:
    from scipy.signal import fftconvolve

    return fftconvolve(image, psf, mode="same")


def interpolation(sky: Scene) -> Any:
    """Rubin images on the VIS pixels by cubic splines, at their own resolution."""
    from scipy.ndimage import map_coordinates

    factor = round(sky.rubin_scale / sky.scale)
    places = (np.indices(sky.vis.shape) - (factor - 1) / 2) / factor
    return np.stack([map_coordinates(one, places, order=3, mode="nearest") for one in sky.rubin]) / factor**2


def richardson_lucy(sky: Scene) -> Any:
    """scikit-image, 50 iterations (its default), interpolated images, then the target PSF."""
    from skimage.restoration import richardson_lucy as deconvolve

    images = np.maximum(interpolation(sky), 1e-12)
    found = [deconvolve(one, psf, clip=False) for one, psf in zip(images, sky.psf_rubin, strict=True)]
    return np.stack([_spread(one, sky.psf_target) for one in found])


def unsupervised_wiener(sky: Scene) -> Any:
    """scikit-image, interpolated images, then the target PSF."""
    from skimage.restoration import unsupervised_wiener as deconvolve

    out = []
    for one, psf in zip(interpolation(sky), sky.psf_rubin, strict=True):
        found, _ = deconvolve(one / one.max(), psf, clip=False, rng=0)
        out.append(_spread(one.max() * found, sky.psf_target))
    return np.stack(out)


PEERS: dict[str, Callable[[Scene], Any]] = {
    "cubic interpolation": interpolation,
    "skimage richardson_lucy": richardson_lucy,
    "skimage unsupervised_wiener": unsupervised_wiener,
}
