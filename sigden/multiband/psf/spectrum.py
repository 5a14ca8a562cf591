"""Transfer functions of PSFs on the Fourier grid of an image."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from sigden.arrays import device_of, is_numpy, namespace, require_array

__all__ = ["affine_transfer", "gaussian_transfer", "psf_transfer"]

_REMEMBERED = 1 << 15  # elements of a series, 512 KiB


def psf_transfer(
    psf: Any,
    shape: tuple[int, int],
    *,
    psf_scale: float = 1.0,
    scale: float = 1.0,
    lines: tuple[Any, Any] | None = None,
    single: bool = False,
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
    return _separable_transfer(psf, shape, ratio, ratio, lines, single)


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
    return row[:, None] * column


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
        left = _phases(np, first, psf.shape[0], device_of(psf))
        right = _phases(np, second, psf.shape[1], device_of(psf))
        out[k] = np.sum((left @ psf) * right, axis=1)
    return out


def _separable_transfer(
    psf: Any,
    shape: tuple[int, int],
    row_ratio: float,
    column_ratio: float,
    lines: tuple[Any, Any] | None = None,
    single: bool = False,
) -> Any:
    xp = require_array(psf, "psf")
    place = device_of(psf)
    left = _series(xp, shape[0], shape[0] // 2 + 1, row_ratio, psf.shape[0], place)
    right = _series(xp, shape[1], shape[1] // 2 + 1, column_ratio, psf.shape[1], place)
    values = xp.astype(psf, xp.float64)
    left = (xp.real(left) @ values) + 1j * (xp.imag(left) @ values)
    # rows of negative frequency are those of positive frequency, conjugate along the rows' axis alone
    mirror = xp.flip(left[1 : (shape[0] + 1) // 2, :], axis=0)
    left = xp.concat([left, xp.conj(mirror)], axis=0)
    if lines is not None:
        left = left * xp.reshape(lines[0], (-1, 1))
        right = right * xp.reshape(lines[1], (-1, 1))
    if single:
        left, right = xp.astype(left, xp.complex64), xp.astype(right, xp.complex64)
    return left @ xp.matrix_transpose(right)


def _signed(k: int, n: int) -> float:
    return (k if 2 * k <= n else k - n) / n


def _series(xp: Any, size: int, length: int, ratio: float, samples: int, place: Any) -> Any:
    """Fourier series of samples at the first frequencies of an axis; small ones of NumPy are remembered."""
    if is_numpy(xp) and length * samples <= _REMEMBERED:
        return _numpy_series(size, length, ratio, samples)
    return _phases(xp, [k / size * ratio for k in range(length)], samples, place)


@lru_cache(maxsize=32)
def _numpy_series(size: int, length: int, ratio: float, samples: int) -> Any:
    xp = namespace(np.empty(0))
    out = _phases(xp, [k / size * ratio for k in range(length)], samples, device_of(np.empty(0)))
    out.flags.writeable = False
    return out


def _phases(xp: Any, frequencies: Any, size: int, place: Any) -> Any:
    """Rows of a Fourier series in samples, with zero beyond the samples' own band limit."""
    f = xp.asarray(frequencies, dtype=xp.float64, device=place)
    j = xp.astype(xp.arange(size, dtype=xp.int64, device=place), xp.float64) - float(size // 2)
    angle = (-2.0 * math.pi) * xp.reshape(f, (-1, 1)) * xp.reshape(j, (1, -1))
    carried = xp.astype(xp.abs(f) <= 0.5 * (1.0 + 1e-9), xp.float64)
    weight = xp.reshape(carried, (-1, 1))
    # Built from real parts: the array API has no complex exponential of a real angle.
    return xp.astype(weight * xp.cos(angle), xp.complex128) + 1j * xp.astype(
        weight * xp.sin(angle), xp.complex128
    )
