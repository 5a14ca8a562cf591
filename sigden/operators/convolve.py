"""Convolution with a point-spread function, circular or with zeros beyond the border."""

from __future__ import annotations

from typing import Any, Literal

from sigden.arrays import namespace, require_array
from sigden.errors import InputError, ParameterError
from sigden.operators._fft import good_size
from sigden.operators._parameters import as_shape, complex_dtype
from sigden.operators._spectral import (
    checked_psf,
    filtered,
    full_grid,
    hermitian_part,
    kernel_center,
    largest_gain,
    transfer_of,
)
from sigden.operators.algebra import identity_multiple
from sigden.operators.base import LinearOperator
from sigden.operators.diagonal import broadcasts_to

__all__ = ["CircularConvolve", "Convolve"]


def _require_fit(psf: Any, ndim: int, shape: tuple[int, ...], what: str, *, inside: bool) -> None:
    """Leading axes of the kernel broadcast to those of the input; the kernel is no larger if `inside`."""
    if ndim > len(shape):
        raise InputError(f"{what}: the PSF convolves {ndim} axes, the input has shape {shape}")
    size, lead = tuple(psf.shape)[psf.ndim - ndim :], tuple(psf.shape)[: psf.ndim - ndim]
    if not broadcasts_to(lead, shape[: len(shape) - ndim]):
        raise InputError(f"{what}: leading axes {lead} of the PSF do not broadcast to input {shape}")
    if inside and any(k > n for k, n in zip(size, shape[len(shape) - ndim :], strict=True)):
        raise InputError(f"{what}: the PSF of size {size} is larger than the input {shape}; crop it")


class CircularConvolve(LinearOperator):
    r"""Convolution with periodic borders, diagonal in the Fourier domain.

    .. math:: (A x)_i = \sum_j h_{j} \, x_{(i - j + c) \bmod n}

    Parameters
    ----------
    psf : array
        Kernel `h`, real or complex. Its trailing `ndim` axes are convolved; its leading axes, such as bands,
        broadcast to those of the input.
    in_shape : tuple of int
        Shape of input and output.
    ndim : int, optional
        Number of trailing axes to convolve; all axes of `psf` by default.
    center : sequence of float, optional
        Index `c` of the kernel's origin, one number per convolved axis. The middle sample by default, which
        only odd sizes have. A fractional centre shifts the kernel by sinc interpolation:
        ``((n - 1) / 2, ...)`` recentres an even-sized image of a PSF.

    Raises
    ------
    InputError
        If the kernel is not finite, larger than the input, or its leading axes do not fit.
    ParameterError
        If the kernel has an even size and `center` is missing, or `ndim` or `center` do not fit.

    Notes
    -----
    Sums, products, multiples and adjoints of circular convolutions over the same axes, also with multiples of
    the identity, are circular convolutions again, as are `gram_operator` and `inverse_gram`. A real kernel
    keeps real input real.
    """

    ndim: int
    _transfer: Any
    _half: bool

    def __init__(self, psf: Any, in_shape: Any, *, ndim: int | None = None, center: Any = None) -> None:
        name = "CircularConvolve"
        xp = require_array(psf, name)
        shape = as_shape(in_shape, f"{name} in_shape")
        values, axes = checked_psf(xp, psf, ndim, name)
        _require_fit(values, axes, shape, name, inside=True)
        origin = kernel_center(tuple(values.shape)[values.ndim - axes :], center, name)
        transfer, half = transfer_of(xp, values, origin, shape[len(shape) - axes :])
        self._fill(transfer, shape, axes, half)

    def _fill(self, transfer: Any, shape: tuple[int, ...], ndim: int, half: bool) -> None:
        super().__init__(shape, shape, like=transfer)
        self._set(ndim=ndim, _transfer=transfer, _half=half, is_complex=not half)

    @classmethod
    def from_transfer(
        cls, transfer: Any, in_shape: Any, *, ndim: int | None = None, real: bool = True
    ) -> CircularConvolve:
        """Operator of a transfer function, zero frequency first.

        Parameters
        ----------
        transfer : array
            Values on the grid of ``rfftn`` (last axis of length ``n // 2 + 1``) if `real`, of ``fftn``
            otherwise. Leading axes broadcast to those of the input.
        in_shape : tuple of int
            Shape of input and output.
        ndim : int, optional
            Number of trailing axes that are transformed; all axes of `transfer` by default.
        real : bool, optional
            Whether the kernel is real. Frequencies that are their own mirror then keep their Hermitian part,
            the only one that acts on real input.

        Returns
        -------
        CircularConvolve
            The operator.

        Raises
        ------
        InputError
            If the shape does not fit the grid or a value is not finite.
        ParameterError
            If `ndim` does not fit.
        """
        name = "CircularConvolve"
        xp = require_array(transfer, name)
        shape = as_shape(in_shape, f"{name} in_shape")
        values, axes = checked_psf(xp, transfer, ndim, name)
        if axes > len(shape):
            raise InputError(f"{name}: transfer function of {axes} axes, input of shape {shape}")
        values = xp.astype(values, xp.complex128)
        spatial = shape[len(shape) - axes :]
        grid = (*spatial[:-1], spatial[-1] // 2 + 1) if real else spatial
        found = tuple(values.shape)
        if found[len(found) - axes :] != grid:
            raise InputError(f"{name}: transfer function of shape {found}, the grid has {grid}")
        lead = found[: len(found) - axes]
        if not broadcasts_to(lead, shape[: len(shape) - axes]):
            raise InputError(f"{name}: leading axes {lead} of the transfer function do not fit {shape}")
        return cls._of(hermitian_part(xp, values, spatial) if real else values, shape, axes, real)

    @classmethod
    def _of(cls, transfer: Any, shape: tuple[int, ...], ndim: int, half: bool) -> CircularConvolve:
        new = cls.__new__(cls)
        new._fill(transfer, shape, ndim, half)
        return new

    @property
    def transfer(self) -> Any:
        """Transfer function in double precision, on the grid of ``rfftn`` for a real kernel, or ``fftn``."""
        return namespace(self._transfer).asarray(self._transfer, copy=True)

    @property
    def _spatial(self) -> tuple[int, ...]:
        return self.in_shape[len(self.in_shape) - self.ndim :]

    def _filter(self, xp: Any, x: Any, *, conjugate: bool) -> Any:
        transfer = self._parameter("_transfer", complex_dtype(x))
        factors = xp.conj(transfer) if conjugate else transfer
        return filtered(xp, x, factors, self._spatial, half=self._half)

    def _forward(self, xp: Any, x: Any) -> Any:
        return self._filter(xp, x, conjugate=False)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._filter(xp, y, conjugate=True)

    def _gram(self, xp: Any, x: Any) -> Any:
        memory = self.__dict__["_memory"]
        if "gram" not in memory:
            memory["gram"] = self.gram_operator
        return memory["gram"]._forward(xp, x)

    def norm_bound(self) -> float:
        """Norm, the largest magnitude of the transfer function."""
        return largest_gain(self._transfer)

    def inverse_gram(self, damping: float) -> CircularConvolve:
        """``(A^H A + damping I)^{-1}``: the step of a Wiener filter or of a quadratic proximal map.

        Parameters
        ----------
        damping : float
            Non-negative.

        Returns
        -------
        CircularConvolve
            The inverse.

        Raises
        ------
        ParameterError
            If `damping` is negative or the sum is singular.
        """
        xp = namespace(self._transfer)
        power = xp.abs(self._transfer) ** 2
        if not damping >= 0 or not float(xp.min(power)) + damping > 0:
            raise ParameterError(f"{self!r}: A^H A + damping I is singular or negative for damping {damping}")
        inverse = xp.astype(1.0 / (power + float(damping)), xp.complex128)
        return self._of(inverse, self.in_shape, self.ndim, self._half)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """Correlation with the kernel."""
        return self._of(namespace(self._transfer).conj(self._transfer), self.in_shape, self.ndim, self._half)

    def _pair(self, other: LinearOperator) -> tuple[Any, Any, bool] | None:
        """Both transfer functions on one grid."""
        if not isinstance(other, CircularConvolve) or other.ndim != self.ndim:
            return None
        if self._half == other._half:
            return self._transfer, other._transfer, self._half
        xp = namespace(self._transfer)
        mine, theirs = (
            full_grid(xp, op._transfer, op._spatial) if op._half else op._transfer for op in (self, other)
        )
        return mine, theirs, False

    def _constant(self, scalar: float | complex) -> CircularConvolve:
        xp = namespace(self._transfer)
        flat = xp.full_like(self._transfer, scalar)
        half = self._half and not isinstance(scalar, complex)
        if self._half and not half:
            flat = xp.full_like(full_grid(xp, self._transfer, self._spatial), scalar)
        return self._of(flat, self.in_shape, self.ndim, half)

    def _plus(self, other: LinearOperator) -> LinearOperator | None:
        multiple = identity_multiple(other)
        pair = self._pair(other if multiple is None else self._constant(multiple))
        return None if pair is None else self._of(pair[0] + pair[1], self.in_shape, self.ndim, pair[2])

    def _after(self, other: LinearOperator) -> LinearOperator | None:
        pair = self._pair(other)
        return None if pair is None else self._of(pair[0] * pair[1], self.in_shape, self.ndim, pair[2])

    def _times(self, scalar: float | complex) -> LinearOperator:
        if isinstance(scalar, complex):
            product = self._after(self._constant(scalar))
            return self if product is None else product
        return self._of(self._transfer * scalar, self.in_shape, self.ndim, self._half)


class Convolve(LinearOperator):
    r"""Linear convolution: zeros beyond the border.

    .. math:: (A x)_i = \sum_j h_j \, x_{i - j + c}

    Parameters
    ----------
    psf : array
        Kernel `h`, real or complex. Its trailing `ndim` axes are convolved; its leading axes broadcast to
        those of the input.
    in_shape : tuple of int
        Shape of the input.
    mode : {"same", "full"}, optional
        ``"same"``: output on the input's grid. ``"full"``: every sample the kernel reaches, ``n + k - 1``.
    ndim : int, optional
        Number of trailing axes to convolve; all axes of `psf` by default.
    center : sequence of int, optional
        Index `c` of the kernel's origin in mode ``"same"``; the middle sample by default, which only odd
        sizes have. In mode ``"full"`` the origin is sample zero.

    Raises
    ------
    InputError
        If the kernel is not finite or its leading axes do not fit.
    ParameterError
        If `mode`, `ndim` or `center` do not fit, or the size is even and `center` is missing.

    Notes
    -----
    Crop, circular convolution on a padded grid, and padding: the adjoint is the exact transpose of that
    product. In mode ``"same"`` the padding is only as long as the kernel's longer side, since what wraps
    further is cropped. The norm's bound is the largest gain on the padded grid.
    """

    mode: str
    ndim: int
    _transfer: Any
    _half: bool
    _padded: tuple[int, ...]

    def __init__(
        self,
        psf: Any,
        in_shape: Any,
        *,
        mode: Literal["same", "full"] = "same",
        ndim: int | None = None,
        center: Any = None,
    ) -> None:
        name = "Convolve"
        xp = require_array(psf, name)
        shape = as_shape(in_shape, f"{name} in_shape")
        values, axes = checked_psf(xp, psf, ndim, name)
        _require_fit(values, axes, shape, name, inside=False)
        size, spatial = tuple(values.shape)[values.ndim - axes :], shape[len(shape) - axes :]
        if mode == "full":
            if center is not None:
                raise ParameterError(f"{name}: center has no meaning in mode 'full'")
            origin: tuple[float, ...] = (0.0,) * axes
            reach = tuple(k - 1 for k in size)
            out = tuple(n + k - 1 for n, k in zip(spatial, size, strict=True))
        elif mode == "same":
            origin = kernel_center(size, center, name)
            if any(c != int(c) for c in origin):
                raise ParameterError(f"{name}: center must hold whole numbers, got {center!r}")
            reach = tuple(int(max(c, k - 1 - c)) for c, k in zip(origin, size, strict=True))
            out = spatial
        else:
            raise ParameterError(f"{name}: mode must be 'same' or 'full', got {mode!r}")
        padded = tuple(
            good_size(max(n + r, k), real=i == axes - 1)
            for i, (n, r, k) in enumerate(zip(spatial, reach, size, strict=True))
        )
        transfer, half = transfer_of(xp, values, origin, padded)
        super().__init__(shape, (*shape[: len(shape) - axes], *out), like=transfer)
        self._set(mode=mode, ndim=axes, _transfer=transfer, _half=half, _padded=padded, is_complex=not half)

    def _cropped(self, x: Any, shape: tuple[int, ...]) -> Any:
        return x[(..., *(slice(0, n) for n in shape[len(shape) - self.ndim :]))]

    def _forward(self, xp: Any, x: Any) -> Any:
        transfer = self._parameter("_transfer", complex_dtype(x))
        return self._cropped(filtered(xp, x, transfer, self._padded, half=self._half), self.out_shape)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        transfer = xp.conj(self._parameter("_transfer", complex_dtype(y)))
        return self._cropped(filtered(xp, y, transfer, self._padded, half=self._half), self.in_shape)

    def norm_bound(self) -> float:
        """Largest gain on the padded grid."""
        return largest_gain(self._transfer)
