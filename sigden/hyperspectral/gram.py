"""Second moments of pixels in one pass, by chunks: float32 products, float64 sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace, to_numpy
from sigden.hyperspectral.beside import beside

__all__ = ["SpectralMoments", "chunks"]

_CHUNK = 2048  # pixels whose float32 products are summed before the sum goes to float64


class SpectralMoments:
    """Running mean and covariance of spectra; the first pass over a cube.

    Parameters
    ----------
    offset : ndarray, shape (bands,)
        Any spectrum near the mean, subtracted before products are taken, so that rounding does not grow with
        the level of the data.

    Notes
    -----
    A chunk of a few thousand pixels is multiplied in the dtype of the data, and the products are added up in
    float64: the smallest eigenvalue, on which every noise estimate rests, keeps seven digits. Products
    are taken where the spectra are, their sums on the host.
    """

    def __init__(self, offset: Any) -> None:
        self.offset = np.asarray(offset)
        bands = self.offset.size
        self.count = 0
        self._sum = np.zeros(bands)
        self._products = np.zeros((bands, bands))

    def add(self, pixels: Any) -> None:
        """Take in spectra, shape (pixels, bands)."""
        xp, offset = namespace(pixels), beside(self.offset, pixels)
        for part in chunks(pixels):
            centred = part - offset
            # a product, as a sum in another precision takes longer than the Gram matrix's own share
            ones = xp.ones((1, part.shape[0]), dtype=centred.dtype, device=device_of(centred))
            self._sum += to_numpy(ones @ centred)[0, :]
            self._products += to_numpy(centred.T @ centred)
            self.count += part.shape[0]

    @property
    def mean(self) -> Any:
        """Mean spectrum, float64, shape (bands,)."""
        return self.offset.astype(np.float64) + self._sum / max(self.count, 1)

    @property
    def covariance(self) -> Any:
        """Covariance about the mean, divided by the number of pixels; float64, shape (bands, bands)."""
        count = max(self.count, 1)
        shift = self._sum / count
        return self._products / count - np.outer(shift, shift)


def chunks(pixels: Any, size: int = _CHUNK) -> Iterator[Any]:
    """Consecutive slices of the first axis, views."""
    count = pixels.shape[0]
    for start in range(0, count, size):
        yield pixels[start : min(start + size, count), ...]
