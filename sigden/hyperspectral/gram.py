"""Second moments of pixels in one pass, by chunks: float32 products, float64 sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sigden.arrays import device_of, in_order, is_numpy, namespace, to_numpy
from sigden.hyperspectral.beside import beside, subtract

__all__ = ["SpectralMoments", "chunks"]

_CHUNK = (
    1024  # pixels whose float32 products are summed before the sum goes to float64; they stay in the cache
)
_PART = 8192  # pixels of which one thread makes a sum


class SpectralMoments:
    """Running mean and covariance of spectra; the first pass over a cube.

    Parameters
    ----------
    offset : ndarray, shape (bands,)
        Any spectrum near the mean, subtracted before products are taken, so that rounding does not grow with
        the level of the data.

    Notes
    -----
    A chunk of a thousand pixels is multiplied in the dtype of the data, and the products are added up in
    float64: the smallest eigenvalue, on which every noise estimate rests, keeps seven digits. Products
    are taken where the spectra are, their sums on the host. The sums are the same for any number of threads.
    """

    def __init__(self, offset: Any) -> None:
        self.offset = np.asarray(offset)
        bands = self.offset.size
        self.count = 0
        self._sum = np.zeros(bands)
        self._products = np.zeros((bands, bands))

    def add(self, pixels: Any) -> None:
        """Take in spectra, shape (pixels, bands)."""
        self.add_each(chunks(pixels, _PART))

    def add_each(self, parts: Iterable[Any]) -> None:
        """Take in spectra part by part, each of a few thousand; the sums are rounded by part."""
        parts = iter(parts)
        first = next(parts, None)
        if first is None:
            return
        every = itertools.chain([first], parts)
        sums = in_order(self._sums, every) if is_numpy(namespace(first)) else map(self._sums, every)
        for count, total, products in sums:
            self._sum += total
            self._products += products
            self.count += count

    def _sums(self, pixels: Any) -> tuple[int, Any, Any]:
        """Number of spectra, their sum and that of their products, about the offset."""
        xp, offset = namespace(pixels), beside(self.offset, pixels)
        size, bands = min(_CHUNK, pixels.shape[0]), pixels.shape[1]
        room = xp.empty((size, bands), dtype=pixels.dtype, device=device_of(pixels))
        # a product, as a sum in another precision takes longer than the Gram matrix's own share
        ones = xp.ones((1, size), dtype=pixels.dtype, device=device_of(pixels))
        total, products = np.zeros(bands), np.zeros((bands, bands))
        for part in chunks(pixels, _CHUNK):
            centred = room[: part.shape[0], :]
            subtract(part, offset, centred)
            total += to_numpy(ones[:, : part.shape[0]] @ centred)[0, :]
            products += to_numpy(centred.T @ centred)
        return pixels.shape[0], total, products

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


def chunks(pixels: Any, size: int) -> Iterator[Any]:
    """Consecutive slices of the first axis, views."""
    count = pixels.shape[0]
    for start in range(0, count, size):
        yield pixels[start : min(start + size, count), ...]
