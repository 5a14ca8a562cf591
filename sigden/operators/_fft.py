"""Fast Fourier transforms that keep the precision: SciPy's for NumPy, else the namespace's."""

from __future__ import annotations

from typing import Any

from sigden.arrays import is_numpy

__all__ = ["fftn", "good_size", "ifftn", "irfftn", "rfftn"]


def _module(xp: Any) -> Any:
    if is_numpy(xp):
        import scipy.fft

        return scipy.fft
    return xp.fft


def good_size(length: int, *, real: bool) -> int:
    """Smallest fast transform length that holds `length` samples."""
    import scipy.fft

    return int(scipy.fft.next_fast_len(length, real=real))


def rfftn(xp: Any, x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Half spectrum of real input, padded with zeros to `shape`."""
    return _module(xp).rfftn(x, s=shape, axes=axes)


def irfftn(xp: Any, spectrum: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Real output of a half spectrum."""
    return _module(xp).irfftn(spectrum, s=shape, axes=axes)


def fftn(xp: Any, x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Full spectrum, padded with zeros to `shape`."""
    return _module(xp).fftn(x, s=shape, axes=axes)


def ifftn(xp: Any, spectrum: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Complex output of a full spectrum."""
    return _module(xp).ifftn(spectrum, s=shape, axes=axes)
