"""The convex functional: a value, a proximal map, and their conjugates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sigden.arrays import namespace
from sigden.errors import InputError, ParameterError, SigdenError
from sigden.functionals._common import checked_parameter, is_array, matched

__all__ = ["Functional", "SmoothFunctional"]


class Functional(ABC):
    r"""Closed convex function of an array, immutable.

    Attributes
    ----------
    has_conjugate : bool
        Whether `conjugate` gives the convex conjugate's value.
    full_domain : bool
        Whether the value is finite everywhere.
    conjugate_full_domain : bool
        Whether the conjugate's value is finite everywhere.
    coercive : bool
        Whether every point is brought into the conjugate's domain by a positive `feasible_scale`.
    elementwise_step : bool
        Whether the proximal map takes a step for each sample.
    strong_convexity : float
        Modulus :math:`\gamma` for which ``f - gamma/2 ||.||^2`` is convex.

    Notes
    -----
    A subclass implements ``_value(xp, x)`` and ``_prox(xp, x, step)``, which get checked input, and
    ``_conjugate(xp, y)`` when it says `has_conjugate`. The inner product of complex arrays is the real part
    of the Hermitian one. Values are sums in double precision; proximal maps keep the dtype.
    """

    has_conjugate: bool = False
    full_domain: bool = False
    conjugate_full_domain: bool = False
    coercive: bool = False
    elementwise_step: bool = False
    strong_convexity: float = 0.0
    __array_ufunc__ = None

    def _checked(self, x: Any, role: str) -> Any:
        try:
            xp = namespace(x)
        except InputError as error:
            raise InputError(f"{self!r}: {role}: {error}") from error
        if x.dtype not in (xp.float32, xp.float64, xp.complex64, xp.complex128):
            raise InputError(
                f"{self!r}: {role} expects float32, float64 or their complex twins in native byte order, "
                f"got {x.dtype}; convert it first"
            )
        return xp

    def _step(self, step: Any, x: Any) -> Any:
        # the name alone: the text of parameter arrays takes longer than the map
        label = f"{type(self).__name__}: step"
        value = checked_parameter(step, label, minimum=0.0, strict=True)
        if is_array(value) and not self.elementwise_step:
            raise ParameterError(f"{self!r}: needs one step for all samples, got an array")
        return matched(value, x, label)

    @abstractmethod
    def _value(self, xp: Any, x: Any) -> float:
        """Value at checked input."""

    @abstractmethod
    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        """Proximal map of checked input."""

    def _conjugate(self, xp: Any, y: Any) -> float:
        raise SigdenError(f"{self!r} has no closed-form conjugate; see has_conjugate")

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return y - step * self._prox(xp, y / step, 1.0 / step)

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return 1.0

    def __call__(self, x: Any) -> float:
        """Value of the functional.

        Parameters
        ----------
        x : array
            Point; float32, float64, complex64 or complex128.

        Returns
        -------
        float
            ``f(x)``; infinity outside the domain.

        Raises
        ------
        InputError
            If `x` is no plain floating array, or parameter arrays live elsewhere.
        """
        return self._value(self._checked(x, "value"), x)

    def prox(self, x: Any, step: Any) -> Any:
        r"""Proximal map.

        .. math:: \arg\min_u f(u) + \tfrac{1}{2 s} \|u - x\|^2

        Parameters
        ----------
        x : array
            Point; not changed.
        step : float or array
            Positive step `s`. An array, that broadcasts to `x`, only where `elementwise_step` is true.

        Returns
        -------
        array
            Shape and dtype of `x`.

        Raises
        ------
        InputError
            If `x` is no plain floating array, or parameter arrays live elsewhere.
        ParameterError
            If `step` is not positive, or an array where one number is needed.
        """
        xp = self._checked(x, "prox")
        return self._prox(xp, x, self._step(step, x))

    def conjugate_prox(self, y: Any, step: Any) -> Any:
        r"""Proximal map of the convex conjugate, by Moreau's identity.

        .. math:: \mathrm{prox}_{s f^*}(y) = y - s\, \mathrm{prox}_{f / s}(y / s)

        Parameters
        ----------
        y : array
            Point; not changed.
        step : float or array
            Positive step `s`, as for `prox`.

        Returns
        -------
        array
            Shape and dtype of `y`.

        Raises
        ------
        InputError
            If `y` is no plain floating array, or parameter arrays live elsewhere.
        ParameterError
            If `step` is not positive, or an array where one number is needed.
        """
        xp = self._checked(y, "conjugate_prox")
        return self._conjugate_prox(xp, y, self._step(step, y))

    def conjugate(self, y: Any) -> float:
        r"""Value of the convex conjugate.

        .. math:: f^*(y) = \sup_x \langle x, y \rangle - f(x)

        Parameters
        ----------
        y : array
            Point.

        Returns
        -------
        float
            ``f*(y)``; infinity outside its domain. Membership forgives 32 units of rounding.

        Raises
        ------
        SigdenError
            If no closed form is known (`has_conjugate` is false).
        InputError
            If `y` is no plain floating array, or parameter arrays live elsewhere.
        """
        return self._conjugate(self._checked(y, "conjugate"), y)

    def feasible_scale(self, y: Any) -> float:
        """Largest factor, at most one, that brings a point into the conjugate's domain.

        Parameters
        ----------
        y : array
            Point.

        Returns
        -------
        float
            Factor in [0, 1], so that ``conjugate(factor * y)`` is finite for a norm. One where the domain
            cannot be reached by scaling.

        Raises
        ------
        InputError
            If `y` is no plain floating array, or parameter arrays live elsewhere.
        """
        return self._feasible_scale(self._checked(y, "feasible_scale"), y)

    def translated(self, shift: Any) -> Functional:
        """Functional ``x -> f(x - shift)``.

        Parameters
        ----------
        shift : array
            Translation.

        Returns
        -------
        TranslatedFunctional
            The functional.
        """
        from sigden.functionals.transforms import TranslatedFunctional

        return TranslatedFunctional(self, shift)

    def dilated(self, factor: float) -> Functional:
        """Functional ``x -> f(factor * x)``.

        Parameters
        ----------
        factor : float
            Finite and not zero.

        Returns
        -------
        DilatedFunctional
            The functional.
        """
        from sigden.functionals.transforms import DilatedFunctional

        return DilatedFunctional(self, factor)

    def __mul__(self, factor: Any) -> Functional:
        from sigden.functionals.transforms import ScaledFunctional

        return ScaledFunctional(self, factor)

    __rmul__ = __mul__


class SmoothFunctional(Functional):
    """Convex functional with a Lipschitz-continuous gradient.

    Attributes
    ----------
    lipschitz : float
        Lipschitz constant of the gradient.
    """

    full_domain = True
    lipschitz: float = 0.0

    @abstractmethod
    def _gradient(self, xp: Any, x: Any) -> Any:
        """Gradient at checked input."""

    def gradient(self, x: Any) -> Any:
        """Gradient.

        Parameters
        ----------
        x : array
            Point; not changed.

        Returns
        -------
        array
            Shape and dtype of `x`.

        Raises
        ------
        InputError
            If `x` is no plain floating array, or parameter arrays live elsewhere.
        """
        return self._gradient(self._checked(x, "gradient"), x)
