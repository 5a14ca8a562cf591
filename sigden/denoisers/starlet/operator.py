"""The starlet transform as a linear operator."""

from __future__ import annotations

from typing import Any

from sigden.denoisers.starlet.transform import checked_scales, starlet, starlet_adjoint
from sigden.errors import ParameterError
from sigden.operators import LinearOperator

__all__ = ["StarletTransform"]


class StarletTransform(LinearOperator):
    """Starlet transform of images of one shape.

    Parameters
    ----------
    in_shape : tuple of int, ``(..., rows, columns)``
        Shape of the images; leading axes are a batch.
    scales : int, optional
        Number of detail scales.

    Raises
    ------
    ParameterError
        If the shape has fewer than two axes or `scales` is out of range.

    Notes
    -----
    The output has shape ``(..., scales + 1, rows, columns)``, see `starlet`. Each smoothing has eigenvalues
    in [0, 1], and so does each detail step, with the two squares adding up to one at most: the norm is 1,
    and constants reach it.

    Examples
    --------
    >>> StarletTransform((32, 32), scales=3)
    StarletTransform((32, 32) -> (4, 32, 32))
    """

    scales: int

    def __init__(self, in_shape: Any, scales: int = 4) -> None:
        shape = tuple(in_shape) if isinstance(in_shape, (tuple, list)) else (in_shape,)
        if len(shape) < 2:
            raise ParameterError(f"StarletTransform in_shape: needs rows and columns, got {in_shape!r}")
        checked_scales(scales)
        super().__init__(shape, (*shape[:-2], scales + 1, *shape[-2:]))
        self._set(scales=scales)

    def _forward(self, xp: Any, x: Any) -> Any:
        if xp.isdtype(x.dtype, "complex floating"):
            return starlet(xp.real(x), self.scales) + 1j * starlet(xp.imag(x), self.scales)
        return starlet(x, self.scales)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        if xp.isdtype(y.dtype, "complex floating"):
            return starlet_adjoint(xp.real(y)) + 1j * starlet_adjoint(xp.imag(y))
        return starlet_adjoint(y)

    def norm_bound(self) -> float:
        """Norm in closed form."""
        return 1.0
