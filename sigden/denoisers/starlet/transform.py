"""Starlet transform: isotropic undecimated wavelets of the B3 spline."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sigden.arrays import Kernel, as_floating, namespace, require_finite, require_ndim
from sigden.errors import InputError, ParameterError

__all__ = ["inverse_starlet", "scale_noise", "scale_transfer", "smooth_starlet", "starlet", "starlet_adjoint"]

_HERE = "sigden.denoisers.starlet"
_ANALYSE = Kernel(
    "starlet", generic=f"{_HERE}.starlet_generic:starlet", numba=f"{_HERE}.starlet_numba:starlet"
)
_ADJOINT = Kernel(
    "starlet_adjoint",
    generic=f"{_HERE}.starlet_generic:starlet_adjoint",
    numba=f"{_HERE}.starlet_numba:starlet_adjoint",
)
_SMOOTH = Kernel(
    "starlet_smooth",
    generic=f"{_HERE}.starlet_generic:starlet_smooth",
    numba=f"{_HERE}.starlet_numba:starlet_smooth",
)
_TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_MOST_SCALES = 16


def starlet(image: Any, scales: int) -> Any:
    """Starlet coefficients of images.

    Parameters
    ----------
    image : array, shape ``(..., rows, columns)``
        Real, finite; leading axes are a batch. Never modified.
    scales : int
        Number of detail scales, 1 to 16; scale j sees structures of about ``2**j`` pixels.

    Returns
    -------
    array, shape ``(..., scales + 1, rows, columns)``
        Details ``w_1 ... w_J``, finest first, then the smooth image ``c_J``, in float32 or float64 as the
        input and in its unit.

    Raises
    ------
    InputError
        If the image has fewer than two axes, is empty, or holds a non-finite value (its index is named).
    ParameterError
        If `scales` is out of range.

    Notes
    -----
    .. math:: c_0 = x, \\quad c_j = H_j c_{j-1}, \\quad w_j = c_{j-1} - c_j

    where :math:`H_j` filters rows and columns by ``[1, 4, 6, 4, 1] / 16`` with taps :math:`2^{j-1}` apart
    [1]_ and half-sample symmetric borders. :math:`H_j` is a symmetric matrix, and keeps the sum of the
    image: every detail image sums to zero.

    References
    ----------
    .. [1] J.-L. Starck, J. Fadili and F. Murtagh, "The undecimated wavelet decomposition and its
       reconstruction", IEEE Trans. Image Process. 16 (2007) 297, section III.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(12.0).reshape(3, 4)
    >>> coefficients = starlet(image, 2)
    >>> coefficients.shape
    (3, 3, 4)
    >>> bool(np.allclose(inverse_starlet(coefficients), image))
    True
    """
    checked_scales(scales)
    values = as_floating(image, "image")
    require_ndim(values, 2, "image")
    require_finite(values, "image")
    xp = namespace(values)
    lead, core = tuple(values.shape[:-2]), tuple(values.shape[-2:])
    out = _ANALYSE(xp.reshape(values, (-1, *core)), scales)
    return xp.reshape(out, (*lead, scales + 1, *core))


def inverse_starlet(coefficients: Any) -> Any:
    """Image of its starlet coefficients, their sum over the scales.

    Parameters
    ----------
    coefficients : array, shape ``(..., scales + 1, rows, columns)``
        As `starlet` gives them.

    Returns
    -------
    array, shape ``(..., rows, columns)``
        The image; exact to rounding.

    Raises
    ------
    InputError
        If there are fewer than three axes or two planes.
    """
    values = _planes(coefficients)
    xp = namespace(values)
    return xp.sum(values, axis=-3, dtype=values.dtype)


def starlet_adjoint(coefficients: Any) -> Any:
    """Adjoint of the transform, which is not its inverse: the frame is redundant.

    Parameters
    ----------
    coefficients : array, shape ``(..., scales + 1, rows, columns)``
        Any numbers of that shape.

    Returns
    -------
    array, shape ``(..., rows, columns)``
        The image ``g`` with ``<starlet(x), coefficients> == <x, g>`` for every x.

    Raises
    ------
    InputError
        If there are fewer than three axes or two planes.

    Notes
    -----
    From the coarsest scale to the finest, :math:`g \\leftarrow w_j + H_j (g - w_j)`, started at :math:`c_J`.
    """
    values = _planes(coefficients)
    xp = namespace(values)
    lead, shape = tuple(values.shape[:-3]), tuple(values.shape[-3:])
    return xp.reshape(_ADJOINT(xp.reshape(values, (-1, *shape))), (*lead, *shape[1:]))


def smooth_starlet(image: Any, scales: int) -> Any:
    """Smooth image ``c_J`` of the transform alone, without the details.

    Parameters
    ----------
    image : array, shape ``(..., rows, columns)``
        Real.
    scales : int
        Number of scales J; zero gives the image.

    Returns
    -------
    array, shape ``(..., rows, columns)``
        The image after B3-spline filters of J scales, a smoothing of standard deviation
        ``sqrt((4**J - 1) / 3)`` pixels.
    """
    xp = namespace(image)
    core = tuple(image.shape[-2:])
    return xp.reshape(_SMOOTH(xp.reshape(image, (-1, *core)), scales), tuple(image.shape))


def scale_transfer(shape: tuple[int, int], scale: int) -> Any:
    """Transfer function of the details of one scale, for periodic borders.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    scale : int
        Which details; 0 is the finest.

    Returns
    -------
    numpy.ndarray, real, shape ``(shape[0], shape[1] // 2 + 1)``
        Values on the grid of ``rfft2``.

    Notes
    -----
    :math:`\\hat h_j(f_1) \\hat h_j(f_2) - \\hat h_{j+1}(f_1) \\hat h_{j+1}(f_2)` with
    :math:`\\hat h_j(f) = \\prod_{i<j} \\cos^4(2^i \\pi f)`, as the B3 taps are a binomial.
    """
    fine, coarse = ([_smooth_transfer(n, i == 1, j) for i, n in enumerate(shape)] for j in (scale, scale + 1))
    return fine[0][:, None] * fine[1] - coarse[0][:, None] * coarse[1]


@lru_cache(maxsize=8 * _MOST_SCALES)
def _smooth_transfer(size: int, half: bool, scale: int) -> Any:
    """Transfer function along one axis of what is left above `scale` scales of details."""
    import numpy as np

    frequency = np.fft.rfftfreq(size) if half else np.fft.fftfreq(size)
    out = np.ones(frequency.size)
    for i in range(scale):
        out = out * np.cos(2**i * np.pi * frequency) ** 4
    out.flags.writeable = False
    return out


@lru_cache(maxsize=_MOST_SCALES)
def scale_noise(scales: int) -> tuple[float, ...]:
    """Standard deviation of the coefficients of white noise of unit variance.

    Parameters
    ----------
    scales : int
        Number of detail scales, 1 to 16.

    Returns
    -------
    tuple of float, length ``scales + 1``
        One for each detail scale, finest first, and one for the smooth image, away from the border.

    Raises
    ------
    ParameterError
        If `scales` is out of range.

    Notes
    -----
    With the one-dimensional cascade :math:`h_j` of the filters up to scale j, the detail filter is
    :math:`h_{j-1} \\otimes h_{j-1} - h_j \\otimes h_j`, of squared norm
    :math:`(h_{j-1}, h_{j-1})^2 - 2 (h_{j-1}, h_j)^2 + (h_j, h_j)^2`.
    """
    checked_scales(scales)
    import numpy as np

    cascade = [np.ones(1)]
    for scale in range(scales):
        fine, step = cascade[-1], 2**scale
        coarse = np.zeros(fine.size + 4 * step)
        for k, tap in enumerate(_TAPS):
            coarse[k * step : k * step + fine.size] += tap * fine
        cascade.append(coarse)
    squares = [float(h @ h) for h in cascade]
    out = []
    for scale, (fine, coarse) in enumerate(pairwise(cascade)):
        margin = (coarse.size - fine.size) // 2
        cross = float(fine @ coarse[margin : margin + fine.size])
        out.append(math.sqrt(squares[scale] ** 2 - 2 * cross**2 + squares[scale + 1] ** 2))
    return (*out, squares[-1])


def checked_scales(scales: int) -> int:
    """Number of scales within what the transform serves."""
    if isinstance(scales, bool) or not isinstance(scales, int) or not 1 <= scales <= _MOST_SCALES:
        raise ParameterError(f"scales: must be an integer from 1 to {_MOST_SCALES}, got {scales!r}")
    return scales


def _planes(coefficients: Any) -> Any:
    values = as_floating(coefficients, "coefficients")
    require_ndim(values, 3, "coefficients")
    if values.shape[-3] < 2:
        raise InputError(
            f"coefficients: need one detail plane and the smooth image, got shape {tuple(values.shape)}"
        )
    return values
