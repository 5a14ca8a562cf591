"""The linear operator: a map with an exact adjoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sigden.arrays import namespace
from sigden.errors import InputError
from sigden.operators._parameters import as_shape, require_same_place

__all__ = ["LinearOperator"]


class LinearOperator(ABC):
    """Immutable linear map between arrays of known shapes.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Shapes of the input and of the output.
    like : array, optional
        One of the operator's parameter arrays. Input must live in the same library, on the same device:
        nothing is transferred silently. `None` for an operator without arrays, which serves any library.

    Attributes
    ----------
    in_shape, out_shape : tuple of int
        As given.
    is_complex : bool
        Whether real input gives complex output.

    Notes
    -----
    The adjoint satisfies ``<A x, y> == <x, A.adjoint(y)>`` to rounding in every dtype. The dtype is kept:
    float32 in, float32 out. A subclass implements ``_forward(xp, x)`` and ``_adjoint(xp, y)``, which get the
    array namespace and checked input, and overrides ``norm_bound`` where a closed form is known.

    The algebra is that of matrices: ``A + B``, ``A - B``, ``2 * A``, ``-A``, ``A @ B``, ``A @ x``, ``A.H``.
    """

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    is_complex: bool = False
    # NumPy scalars and arrays on the left leave the arithmetic to this class.
    __array_ufunc__ = None

    def __init__(self, in_shape: Any, out_shape: Any, *, like: Any = None) -> None:
        name = type(self).__name__
        self._set(
            in_shape=as_shape(in_shape, f"{name} in_shape"),
            out_shape=as_shape(out_shape, f"{name} out_shape"),
            _like=like,
            _memory={},
        )

    def _set(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}; build a new operator")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_memory": {}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_shape} -> {self.out_shape})"

    def _parameter(self, name: str, dtype: Any) -> Any:
        """Parameter array in a dtype, converted once."""
        array = self.__dict__[name]
        if array.dtype == dtype:
            return array
        memory, key = self.__dict__["_memory"], (name, str(dtype))
        if key not in memory:
            memory[key] = namespace(array).astype(array, dtype)
        return memory[key]

    def _checked(self, x: Any, shape: tuple[int, ...], role: str) -> Any:
        try:
            xp = namespace(x)
        except InputError as error:
            raise InputError(f"{self!r}: {role}: {error}") from error
        if tuple(x.shape) != shape:
            raise InputError(f"{self!r}: {role} expects shape {shape}, got {tuple(x.shape)}")
        if x.dtype not in (xp.float32, xp.float64, xp.complex64, xp.complex128):
            raise InputError(
                f"{self!r}: {role} expects float32, float64 or their complex twins in native byte order, "
                f"got {x.dtype}; convert it first"
            )
        like = self.__dict__["_like"]
        if like is not None:
            require_same_place(x, like, repr(self))
        return xp

    @abstractmethod
    def _forward(self, xp: Any, x: Any) -> Any:
        """Forward map of checked input."""

    @abstractmethod
    def _adjoint(self, xp: Any, y: Any) -> Any:
        """Adjoint map of checked input."""

    def _gram(self, xp: Any, x: Any) -> Any:
        return self._adjoint(xp, self._forward(xp, x))

    def __call__(self, x: Any) -> Any:
        """Apply the operator.

        Parameters
        ----------
        x : array, shape `in_shape`
            Input of dtype float32, float64, complex64 or complex128; not changed.

        Returns
        -------
        array, shape `out_shape`
            ``A x`` in the precision of `x`.

        Raises
        ------
        InputError
            If the shape, dtype, library or device of `x` does not fit.
        """
        return self._forward(self._checked(x, self.in_shape, "forward"), x)

    def adjoint(self, y: Any) -> Any:
        """Apply the exact adjoint.

        Parameters
        ----------
        y : array, shape `out_shape`
            Input of dtype float32, float64, complex64 or complex128; not changed.

        Returns
        -------
        array, shape `in_shape`
            ``A^H y`` in the precision of `y`.

        Raises
        ------
        InputError
            If the shape, dtype, library or device of `y` does not fit.
        """
        return self._adjoint(self._checked(y, self.out_shape, "adjoint"), y)

    def gram(self, x: Any) -> Any:
        """Apply ``A^H A``, in closed form where the operator has one.

        Parameters
        ----------
        x : array, shape `in_shape`
            Input.

        Returns
        -------
        array, shape `in_shape`
            ``A^H A x``.

        Raises
        ------
        InputError
            If the shape, dtype, library or device of `x` does not fit.
        """
        return self._gram(self._checked(x, self.in_shape, "gram"), x)

    def norm_bound(self) -> float:
        """Upper bound on the spectral norm (largest singular value).

        Returns
        -------
        float
            Closed form where one is known; otherwise `norm_estimate`, which exceeds the norm by at most 5 %
            and falls below it with a probability under 1e-6.
        """
        memory = self.__dict__["_memory"]
        if "norm" not in memory:
            from sigden.operators.norm import norm_estimate

            memory["norm"] = norm_estimate(self)
        return memory["norm"]

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """Adjoint operator."""
        from sigden.operators.algebra import Adjoint

        return Adjoint(self)

    @property
    def gram_operator(self) -> LinearOperator:
        """``A.H @ A`` as an operator, in closed form where the operator has one."""
        return self.H @ self

    def _plus(self, other: LinearOperator) -> LinearOperator | None:
        """Closed form of ``self + other``, if there is one."""
        return None

    def _after(self, other: LinearOperator) -> LinearOperator | None:
        """Closed form of ``self @ other``, if there is one."""
        return None

    def _times(self, scalar: float | complex) -> LinearOperator:
        from sigden.operators.algebra import Scaled

        return Scaled(self, scalar)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LinearOperator):
            from sigden.operators.algebra import compose

            return compose(self, other)
        return self(other)

    def __add__(self, other: Any) -> LinearOperator:
        if not isinstance(other, LinearOperator):
            return NotImplemented
        from sigden.operators.algebra import add

        return add(self, other)

    def __sub__(self, other: Any) -> LinearOperator:
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return self + (-other)

    def __neg__(self) -> LinearOperator:
        return self * -1.0

    def __mul__(self, scalar: Any) -> LinearOperator:
        from sigden.operators._parameters import as_scalar

        return self._times(as_scalar(scalar, f"multiple of {self!r}"))

    __rmul__ = __mul__

    def __truediv__(self, scalar: Any) -> LinearOperator:
        from sigden.operators._parameters import as_scalar

        divisor = as_scalar(scalar, f"divisor of {self!r}")
        return self * (1.0 / divisor)
