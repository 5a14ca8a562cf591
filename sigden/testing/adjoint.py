"""Dot test of an operator."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import namespace
from sigden.operators import LinearOperator

__all__ = ["assert_adjoint", "random_like"]


def random_like(shape: tuple[int, ...], *, dtype: str = "float64", like: Any = None, seed: int = 0) -> Any:
    """Standard normal array in the library and on the device of another array.

    Parameters
    ----------
    shape : tuple of int
        Shape.
    dtype : {"float32", "float64", "complex64", "complex128"}, optional
        Name of the dtype.
    like : array, optional
        Array that tells library and device; NumPy by default.
    seed : int, optional
        Seed.

    Returns
    -------
    array
        The numbers.
    """
    import numpy as np

    from sigden.arrays import device_of

    generator = np.random.default_rng(seed)
    values = generator.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * generator.standard_normal(shape)
    values = np.asarray(values).astype(dtype)
    return values if like is None else namespace(like).asarray(values, device=device_of(like))


def assert_adjoint(
    operator: LinearOperator,
    *,
    dtype: str = "float64",
    like: Any = None,
    seed: int = 0,
    trials: int = 3,
    rtol: float | None = None,
) -> None:
    """Check that ``<A x, y> == <x, A.adjoint(y)>`` to rounding, and that shapes and dtype are kept.

    Parameters
    ----------
    operator : LinearOperator
        The operator.
    dtype : {"float32", "float64", "complex64", "complex128"}, optional
        Dtype of the vectors. A complex operator needs a complex one.
    like : array, optional
        Array that tells library and device; NumPy by default.
    seed, trials : int, optional
        First seed and number of pairs of vectors.
    rtol : float, optional
        Tolerance relative to ``||A x|| ||y||``; 100 units of rounding by default.

    Raises
    ------
    AssertionError
        If the products differ, or a shape or dtype is not as declared.
    """
    for trial in range(trials):
        x = random_like(operator.in_shape, dtype=dtype, like=like, seed=seed + 2 * trial)
        y = random_like(operator.out_shape, dtype=dtype, like=like, seed=seed + 2 * trial + 1)
        forward, backward = operator(x), operator.adjoint(y)
        for name, result, shape in (
            ("forward", forward, operator.out_shape),
            ("adjoint", backward, operator.in_shape),
        ):
            if tuple(result.shape) != shape:
                raise AssertionError(
                    f"{operator!r}: {name} gives shape {tuple(result.shape)}, declared {shape}"
                )
            if result.dtype != x.dtype:
                raise AssertionError(f"{operator!r}: {name} of {x.dtype} gives {result.dtype}")
        left, right = _product(forward, y), _product(x, backward)
        scale = math.sqrt(abs(_product(forward, forward)) * abs(_product(y, y)))
        eps = float(namespace(x).finfo(x.dtype).eps)
        limit = (100.0 * eps if rtol is None else rtol) * scale
        if not abs(left - right) <= limit:
            raise AssertionError(
                f"{operator!r}: <A x, y> = {left:.17g} but <x, A^H y> = {right:.17g}, "
                f"apart by {abs(left - right):.3g}, allowed {limit:.3g} ({dtype})"
            )


def _product(x: Any, y: Any) -> complex:
    """Hermitian inner product, summed in double precision."""
    xp = namespace(x, y)
    if not xp.isdtype(x.dtype, "complex floating"):
        return complex(float(xp.sum(x * y, dtype=xp.float64)))
    return complex(xp.sum(xp.conj(x) * y, dtype=xp.complex128))
