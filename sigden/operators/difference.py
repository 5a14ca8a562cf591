"""Forward differences, the discrete gradient."""

from __future__ import annotations

import math
import operator as builtin_operator
from collections.abc import Sequence
from typing import Any

from sigden.arrays import device_of
from sigden.errors import ParameterError
from sigden.operators._parameters import as_shape
from sigden.operators.base import LinearOperator

__all__ = ["FiniteDifference"]


class FiniteDifference(LinearOperator):
    r"""Forward differences along some axes, stacked on a new leading axis.

    .. math:: (D x)_{a, i} = x_{i + e_a} - x_i, \quad 0 \text{ at the far border (Neumann).}

    Parameters
    ----------
    in_shape : tuple of int
        Shape of the input, any number of axes.
    axes : sequence of int, optional
        Axes to difference, ``(-1,)`` for spectra or strain, ``(-2, -1)`` for each image of a stack. All axes
        by default. The order is that of the output's leading axis.

    Raises
    ------
    ParameterError
        If an axis does not exist or comes twice.

    Notes
    -----
    The output has shape ``(len(axes), *in_shape)``. The adjoint is minus the discrete divergence. The norm
    is known exactly: ``||D||^2 = sum_a 4 cos^2(pi / (2 n_a)) < 4 len(axes)``.

    References
    ----------
    A. Chambolle, "An algorithm for total variation minimization and applications", J. Math. Imaging Vis. 20,
    89 (2004), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> FiniteDifference((4,))(np.asarray([0.0, 1.0, 3.0, 3.0]))
    array([[1., 2., 0., 0.]])
    """

    axes: tuple[int, ...]

    def __init__(self, in_shape: Any, axes: Sequence[int] | None = None) -> None:
        shape = as_shape(in_shape, "FiniteDifference in_shape")
        ndim = len(shape)
        given = tuple(range(ndim)) if axes is None else tuple(builtin_operator.index(a) for a in axes)
        for axis in given:
            if not -ndim <= axis < ndim:
                raise ParameterError(f"FiniteDifference: axis {axis} does not exist in shape {shape}")
        wanted = tuple(axis % ndim for axis in given)
        if not wanted or len(set(wanted)) != len(wanted):
            raise ParameterError(f"FiniteDifference: axes must be different and at least one, got {given}")
        super().__init__(shape, (len(wanted), *shape))
        self._set(axes=wanted)

    def _slices(self, axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        ndim = len(self.in_shape)
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(ndim))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(ndim))
        return lower, upper

    def _forward(self, xp: Any, x: Any) -> Any:
        out = xp.zeros(self.out_shape, dtype=x.dtype, device=device_of(x))
        for row, axis in enumerate(self.axes):
            lower, upper = self._slices(axis)
            out[(row, *lower)] = x[upper] - x[lower]
        return out

    def _adjoint(self, xp: Any, y: Any) -> Any:
        out = xp.zeros(self.in_shape, dtype=y.dtype, device=device_of(y))
        for row, axis in enumerate(self.axes):
            lower, upper = self._slices(axis)
            flux = y[(row, *lower)]
            out[lower] = out[lower] - flux
            out[upper] = out[upper] + flux
        return out

    def norm_bound(self) -> float:
        """Norm in closed form."""
        return 2.0 * math.sqrt(math.fsum(math.cos(math.pi / (2 * self.in_shape[a])) ** 2 for a in self.axes))
