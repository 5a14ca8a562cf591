"""An operator as SciPy sees it."""

from __future__ import annotations

import math
from typing import Any

from sigden.errors import InputError
from sigden.operators.base import LinearOperator

__all__ = ["to_scipy"]


def to_scipy(operator: LinearOperator, dtype: Any = None) -> Any:
    """View of an operator as a matrix-free SciPy operator on flat NumPy vectors.

    Parameters
    ----------
    operator : LinearOperator
        Operator without arrays, or with NumPy arrays.
    dtype : dtype, optional
        What it computes in; float64, or complex128 for a complex operator, by default.

    Returns
    -------
    scipy.sparse.linalg.LinearOperator
        Of shape ``(prod(out_shape), prod(in_shape))``, with ``matvec`` and ``rmatvec``.

    Raises
    ------
    InputError
        If the operator holds arrays of another library, or `dtype` is not floating.
    """
    import numpy as np
    import scipy.sparse.linalg

    from sigden.arrays import is_numpy, namespace

    like = operator.__dict__["_like"]
    if like is not None and not is_numpy(namespace(like)):
        raise InputError(f"{operator!r}: holds arrays of {namespace(like).__name__}, SciPy NumPy ones")
    kind = np.dtype((np.complex128 if operator.is_complex else np.float64) if dtype is None else dtype)
    if kind not in (np.float32, np.float64, np.complex64, np.complex128):
        raise InputError(f"{operator!r}: dtype {kind} is not float32, float64, complex64 or complex128")
    if operator.is_complex and kind.kind != "c":
        raise InputError(f"{operator!r}: gives complex output, dtype {kind} is real")

    def forward(x: Any) -> Any:
        return operator(_native(x, kind).reshape(operator.in_shape)).reshape(-1)

    def adjoint(y: Any) -> Any:
        return operator.adjoint(_native(y, kind).reshape(operator.out_shape)).reshape(-1)

    shape = (math.prod(operator.out_shape), math.prod(operator.in_shape))
    return scipy.sparse.linalg.LinearOperator(shape, matvec=forward, rmatvec=adjoint, dtype=kind)


def _native(x: Any, kind: Any) -> Any:
    """Integers and lower kinds take the operator's dtype; complex input stays complex."""
    import numpy as np

    return np.asarray(x).astype(np.result_type(x.dtype, kind) if x.dtype.kind == "c" else kind, copy=False)
