"""Natural cubic splines as a basis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["NaturalSpline", "quantile_knots"]


def quantile_knots(x: Any, count: int, tail: float) -> Any:
    """Distinct knots at evenly spaced quantiles from `tail` to ``1 - tail``; at least two."""
    knots = np.unique(np.quantile(x, np.linspace(tail, 1.0 - tail, count)))
    if count == 2 or knots.size < 2:
        return np.array([x.min(), x.max()])
    apart = np.diff(knots) > 1e-9 * (knots[-1] - knots[0])
    return knots[np.concatenate([[True], apart])]


@dataclass(frozen=True, eq=False)
class NaturalSpline:
    """Cardinal basis of natural cubic splines: function j is 1 at knot j and 0 at the others.

    Parameters
    ----------
    knots : numpy.ndarray, shape (p,)
        Increasing; two knots give straight lines.
    bounded : bool
        Whether functions are constant beyond the outer knots; they are linear there otherwise.
    """

    knots: Any
    bounded: bool = False

    @cached_property
    def _pieces(self) -> tuple[Any, Any]:
        from scipy.interpolate import CubicSpline

        spline = CubicSpline(self.knots, np.eye(self.knots.size), bc_type="natural")
        return spline, spline.derivative()

    def __call__(self, x: Any) -> Any:
        """Values of the basis, shape (n, p)."""
        inside = self._inside(x)
        if self.knots.size == 2:
            inside = inside if self.bounded else x
            t = (inside - self.knots[0]) / (self.knots[1] - self.knots[0])
            return np.stack([1.0 - t, t], axis=1)
        values = self._pieces[0](inside)
        if not self.bounded:
            values += (x - inside)[:, None] * self._pieces[1](inside)
        return values

    def derivative(self, x: Any) -> Any:
        """Derivatives of the basis, shape (n, p)."""
        inside = self._inside(x)
        if self.knots.size == 2:
            slope = np.array([-1.0, 1.0]) / (self.knots[1] - self.knots[0])
            values = np.broadcast_to(slope, (x.size, 2))
        else:
            values = self._pieces[1](inside)
        return values * (inside == x)[:, None] if self.bounded else values

    @cached_property
    def roughness(self) -> Any:
        """Matrix R: ``c' R c`` sums the squared second differences of the values at the knots.

        On uneven knots these are changes of slope times the mean spacing, so straight lines have none.
        """
        if self.knots.size == 2:
            return np.zeros((2, 2))
        step = np.diff(self.knots)
        slopes = np.diff(np.eye(self.knots.size), axis=0) / step[:, None]
        second = np.diff(slopes, axis=0) * (0.5 * (step[1:] + step[:-1]))[:, None]
        return second.T @ second

    def _inside(self, x: Any) -> Any:
        return np.clip(x, self.knots[0], self.knots[-1])
