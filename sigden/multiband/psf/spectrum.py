"""Transfer functions of PSFs on the Fourier grid of an image."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from sigden.arrays import device_of, is_numpy, namespace, require_array, share_out

__all__ = ["affine_transfer", "gaussian_sharpening", "gaussian_transfer", "psf_transfer"]

_PASSED = 1e-6
_REMEMBERED = 1 << 15  # elements of a series, 512 KiB
_ROWS = 1 << 17  # elements of the rows that are filled in one go


def psf_transfer(
    psf: Any,
    shape: tuple[int, int],
    *,
    psf_scale: float = 1.0,
    scale: float = 1.0,
    lines: tuple[Any, Any] | None = None,
    single: bool = False,
    out: Any = None,
) -> Any:
    r"""Transfer function of a centred PSF on the Fourier grid of an image.

    .. math:: \hat h(f) = \sum_j h_j \, e^{-2\pi i f \cdot j \, s_{psf}}, \qquad
        |f_1|, |f_2| \le 1 / (2 s_{psf})

    Parameters
    ----------
    psf : array, shape ``(rows, columns)``
        Centred PSF of odd size.
    shape : tuple of int
        Rows and columns of the image.
    psf_scale, scale : float, optional
        Distances of the samples of the PSF and of the image, in one unit.
    lines : tuple of array, optional
        Factors along rows and along columns, shapes ``(shape[0],)`` and ``(shape[1] // 2 + 1,)``.
    single : bool, optional
        Whether single precision is enough.
    out : array of complex128 or complex64, optional
        Where to write it.

    Returns
    -------
    array of complex128 or complex64, shape ``(shape[0], shape[1] // 2 + 1)``
        Values on the grid of ``rfft2``; one at frequency zero for a PSF of unit sum.

    Notes
    -----
    The Fourier series of the samples is evaluated at the image's frequencies, so an oversampled PSF, or one
    sampled more coarsely than the image, needs no interpolation; frequencies that its samples do not carry
    are zero.
    """
    ratio = psf_scale / scale
    return _separable_transfer(psf, shape, ratio, ratio, lines, single, out)


def gaussian_transfer(shape: tuple[int, int], scale: float, fwhm: float) -> np.ndarray:
    r"""Transfer function of a Gaussian PSF, :math:`\exp(-2 \pi^2 \sigma^2 |f|^2)`, real.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    scale : float
        Distance of its pixels.
    fwhm : float
        Full width at half maximum, in the unit of `scale`.

    Returns
    -------
    numpy.ndarray of float64, shape ``(shape[0], shape[1] // 2 + 1)``
        Values on the grid of ``rfft2``.
    """
    width = fwhm / math.sqrt(8.0 * math.log(2.0))
    row, column = (
        np.exp(-2.0 * (math.pi * width * f) ** 2)
        for f in (np.fft.fftfreq(shape[0], scale), np.fft.rfftfreq(shape[1], scale))
    )
    out = np.empty((row.size, column.size))
    step = max(1, _ROWS // column.size)
    parts = [slice(k, k + step) for k in range(0, row.size, step)]
    share_out(lambda part: np.multiply(row[part, None], column, out=out[part]), parts)
    return out


def gaussian_sharpening(target: Any) -> Any:
    """Inverse of the transfer function of a target PSF, zero where that passes less than a millionth."""
    passed = target > _PASSED
    return np.divide(1.0, target, out=np.zeros(target.shape), where=passed)


def affine_transfer(psf: Any, shape: tuple[int, int], matrix: Any) -> Any:
    """Transfer function of a PSF whose axes are turned against those of the image.

    Parameters
    ----------
    psf : numpy.ndarray, shape ``(rows, columns)``
        Centred PSF of odd size.
    shape : tuple of int
        Rows and columns of the image.
    matrix : numpy.ndarray, shape ``(2, 2)``
        Rows and columns of the image (first axis) per sample along rows and columns of the PSF (second axis).

    Returns
    -------
    numpy.ndarray of complex128, shape ``(shape[0], shape[1] // 2 + 1)``
        Values on the grid of ``rfft2``.

    Notes
    -----
    As `psf_transfer`, whose separable form serves while turning moves no sample by a twentieth of itself.
    """
    reach = 0.5 * max(psf.shape)
    if max(abs(matrix[0, 1]), abs(matrix[1, 0])) * reach <= 0.05 * min(abs(matrix[0, 0]), abs(matrix[1, 1])):
        return _separable_transfer(psf, shape, float(matrix[0, 0]), float(matrix[1, 1]))
    if max(abs(matrix[0, 0]), abs(matrix[1, 1])) * reach <= 0.05 * min(abs(matrix[0, 1]), abs(matrix[1, 0])):
        # A quarter turn: rows of the PSF lie along columns of the image.
        return _separable_transfer(psf.T, shape, float(matrix[0, 1]), float(matrix[1, 0]))
    out = np.empty((shape[0], shape[1] // 2 + 1), dtype=np.complex128)
    columns = np.arange(out.shape[1]) / shape[1]
    for k in range(shape[0]):
        row = _signed(k, shape[0])
        # Frequencies in cycles per sample of the PSF: the transposed matrix turns them back.
        first = row * matrix[0, 0] + columns * matrix[1, 0]
        second = row * matrix[0, 1] + columns * matrix[1, 1]
        left, right = (
            _phases(np, f, -(n // 2), (n - 1) // 2, device_of(psf))
            for f, n in zip((first, second), psf.shape, strict=True)
        )
        out[k] = np.sum((left @ psf) * right, axis=1)
    return out


def _separable_transfer(
    psf: Any,
    shape: tuple[int, int],
    row_ratio: float,
    column_ratio: float,
    lines: tuple[Any, Any] | None = None,
    single: bool = False,
    out: Any = None,
) -> Any:
    """Fourier series along both axes; samples j and -j are summed and subtracted first."""
    xp, place = require_array(psf, "psf"), device_of(psf)
    size, length = shape[0], shape[1] // 2 + 1
    row = _series(xp, size, size // 2 + 1, row_ratio, psf.shape[0], place)
    column = _series(xp, shape[1], length, column_ratio, psf.shape[1], place)
    real, kind = (xp.float32, xp.complex64) if single else (xp.float64, xp.complex128)
    # by parity in rows and in columns: left[columns][rows]
    left = []
    for part in _even_and_odd(xp, xp.astype(psf, xp.float64)):
        even, odd = (xp.matrix_transpose(v) for v in _even_and_odd(xp, xp.matrix_transpose(part)))
        left.append((xp.astype(xp.real(row) @ even, real), xp.astype(xp.imag(row) @ odd, real)))
    right = [xp.astype(xp.matrix_transpose(v), real) for v in (xp.real(column), xp.imag(column))]
    factors = lines and [
        xp.astype(xp.reshape(f, s), kind) for f, s in zip(lines, ((-1, 1), (1, -1)), strict=True)
    ]
    out = xp.empty((size, length), dtype=kind, device=place) if out is None else out

    def fill(part: slice) -> None:
        """Rows of some frequencies, not negative, and those of the opposite ones."""
        alike = left[0][0][part, :] @ right[0], left[1][1][part, :] @ right[1]
        mixed = left[1][0][part, :] @ right[1], left[0][1][part, :] @ right[0]
        first, last = max(part.start, 1), min(part.stop, (size + 1) // 2)
        inner = slice(first - part.start, last - part.start)
        for rows, sign in ((part, 1.0), (slice(size - last + 1, size - first + 1), -1.0)):
            values = (alike[0] - sign * alike[1]) + 1j * (mixed[0] + sign * mixed[1])
            if sign < 0:
                values = xp.flip(values[inner, :], axis=0)
            if factors:
                values = values * factors[1] * factors[0][rows, :]
            out[rows, :] = values

    step = max(1, _ROWS // length) if is_numpy(xp) else size
    share_out(fill, [slice(k, min(k + step, size // 2 + 1)) for k in range(0, size // 2 + 1, step)])
    return out


def _even_and_odd(xp: Any, values: Any) -> tuple[Any, Any]:
    """Sums and differences of the samples j and -j along the last axis, of odd length, for j from zero on."""
    middle = values.shape[-1] // 2
    right, left = values[:, middle:], xp.flip(values[:, : middle + 1], axis=-1)
    return xp.concat([right[:, :1], right[:, 1:] + left[:, 1:]], axis=-1), right - left


def _signed(k: int, n: int) -> float:
    return (k if 2 * k <= n else k - n) / n


def _series(xp: Any, size: int, length: int, ratio: float, samples: int, place: Any) -> Any:
    """Fourier series of samples from the middle on, at the first frequencies of an axis."""
    if is_numpy(xp) and length * samples <= _REMEMBERED:
        return _numpy_series(size, length, ratio, samples)
    return _phases(xp, _frequencies(size, length, ratio), 0, samples // 2, place)


def _frequencies(size: int, length: int, ratio: float) -> list[float]:
    return [k / size * ratio for k in range(length)]


@lru_cache(maxsize=32)
def _numpy_series(size: int, length: int, ratio: float, samples: int) -> Any:
    like = np.empty(0)
    out = _phases(namespace(like), _frequencies(size, length, ratio), 0, samples // 2, device_of(like))
    out.flags.writeable = False
    return out


def _phases(xp: Any, frequencies: Any, first: int, last: int, place: Any) -> Any:
    """Rows of a Fourier series in samples `first` to `last`, with zero beyond their band limit."""
    f = xp.asarray(frequencies, dtype=xp.float64, device=place)
    j = xp.astype(xp.arange(first, last + 1, dtype=xp.int64, device=place), xp.float64)
    angle = (-2.0 * math.pi) * xp.reshape(f, (-1, 1)) * xp.reshape(j, (1, -1))
    carried = xp.astype(xp.abs(f) <= 0.5 * (1.0 + 1e-9), xp.float64)
    weight = xp.reshape(carried, (-1, 1))
    # Built from real parts: the array API has no complex exponential of a real angle.
    return xp.astype(weight * xp.cos(angle), xp.complex128) + 1j * xp.astype(
        weight * xp.sin(angle), xp.complex128
    )
