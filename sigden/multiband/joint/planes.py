"""Half planes of the modes of real images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sigden.arrays import parallel_allowed, share_out, usable_cores

__all__ = ["fft_workers", "image_of", "joined", "mode_weight", "over_rows", "smooth_reach", "weighted_sum"]

_LEAST_SHARE = 1 << 18
_BAND = 1 << 17  # pixels of a band of rows
_LEAST_OWN = 6  # times its halo that a band is high


def fft_workers(image: Any) -> int:
    """Threads for the Fourier transform of an image: one for a small image or in a worker."""
    shares = image.size // _LEAST_SHARE
    return min(usable_cores(), shares) if shares > 1 and parallel_allowed() else 1


def image_of(modes: Any, shape: tuple[int, int]) -> Any:
    """Real images of unitary DFTs, shape ``(..., rows, columns // 2 + 1)``, which are overwritten."""
    from scipy import fft

    workers = fft_workers(modes)
    # one axis after the other: no second copy of wide planes
    modes = fft.ifft(modes, axis=-2, norm="ortho", workers=workers, overwrite_x=True)
    return fft.irfft(modes, n=shape[1], axis=-1, norm="ortho", workers=workers)


def joined(planes: Sequence[Any]) -> Any:
    """Contiguous arrays one after the other, flat; no copy where they lie so in one array."""
    first, base = planes[0], planes[0].base
    if isinstance(base, np.ndarray) and base.flags.c_contiguous and base.dtype == first.dtype:
        begin = (_address(first) - _address(base)) // first.itemsize
        end = _address(first)
        for plane in planes:
            if plane.base is not base or not plane.flags.c_contiguous or _address(plane) != end:
                break
            end += plane.nbytes
        else:
            return base.reshape(-1)[begin : begin + sum(p.size for p in planes)]
    return np.concatenate([p.ravel() for p in planes])


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def mode_weight(columns: int) -> Any:
    """Modes of the full plane that each column of the half plane stands for, shape (columns // 2 + 1,)."""
    weight = np.full(columns // 2 + 1, 2.0)
    weight[0] = 1.0
    if columns % 2 == 0:
        weight[-1] = 1.0
    return weight


def over_rows(work: Callable[[slice, slice, slice], None], shape: tuple[int, int], halo: int = 0) -> None:
    """Work through a plane by bands of rows, which stay in the cache and whose scratch is small, in threads.

    Parameters
    ----------
    work : callable
        ``work(read, own, within)``: rows to read, rows to write, and where these are among the former.
    shape : tuple of int
        Rows and columns.
    halo : int
        Rows beyond its own that a band reads, where there are any.
    """
    rows, columns = shape
    step = max(_BAND // columns, _LEAST_OWN * halo, 1)

    def one(first: int) -> None:
        last = min(first + step, rows)
        low, high = max(first - halo, 0), min(last + halo, rows)
        work(slice(low, high), slice(first, last), slice(first - low, last - low))

    share_out(one, range(0, rows, step))


def smooth_reach(scales: int) -> int:
    """Rows by which `smooth_starlet` looks around."""
    return 2 * (2**scales - 1)


def weighted_sum(weights: Any, planes: Any) -> Any:
    """Combination of planes in their own precision."""
    # plain numbers: NumPy's own would raise single precision to double
    total = float(weights[0]) * planes[0]
    for weight, plane in zip(weights[1:], planes[1:], strict=True):
        if weight:
            total += float(weight) * plane
    return total
