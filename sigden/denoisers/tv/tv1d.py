"""Exact one-dimensional total variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigden.arrays import Kernel, device_of, is_numpy, namespace
from sigden.denoisers.choice import Divergence
from sigden.denoisers.prepare import as_rows, noise_per_row
from sigden.denoisers.tv.base import Rows
from sigden.denoisers.tv.line import LineTotalVariation

__all__ = ["TV1D"]

_SOLVE = Kernel(
    "tv1d", generic="sigden.denoisers.tv.tv1d_generic:tv1d", numba="sigden.denoisers.tv.tv1d_numba:tv1d"
)
_GAP = Kernel(
    "tv1d gap",
    generic="sigden.denoisers.tv.tv1d_generic:duality_gap",
    numba="sigden.denoisers.tv.tv1d_gap_numba:duality_gap",
)


@dataclass(frozen=True, kw_only=True)
class TV1D(LineTotalVariation):
    """Exact one-dimensional total variation (ROF, fused lasso), in linear time.

    Parameters
    ----------
    regularization : float or {"auto", "sure", "discrepancy", "universal"}, default "auto"
        Weight on total variation for unit noise. ``"auto"`` is ``"sure"``: the weight of least unbiased risk,
        whose divergence is exactly the number of constant segments [2]_.

    Notes
    -----
    With noise level :math:`\\sigma` and regularization :math:`\\lambda` the estimate is

    .. math:: \\arg\\min_u \\; \\lambda\\sigma \\sum_i |u_{i+1} - u_i| + \\tfrac12 \\|u - f\\|^2 .

    The literature's :math:`\\frac{\\mu}{2}\\|u-f\\|^2 + TV(u)` has :math:`\\mu = 1/(\\lambda\\sigma)`;
    skimage's ``denoise_tv_chambolle(weight=w)`` has ``w`` = :math:`\\lambda\\sigma`. The last axis is time,
    leading axes are a batch. On NumPy arrays Condat's direct algorithm [1]_ runs, and where its look-ahead
    would be read too often, a taut string kept by convex hulls takes over, so that the time is linear in the
    number of samples for every input; elsewhere a certified Newton method runs.

    References
    ----------
    .. [1] L. Condat, "A direct algorithm for 1-D total variation denoising", IEEE Signal Process. Lett. 20
       (2013).
    .. [2] R. J. Tibshirani and J. Taylor, "The solution path of the generalized lasso", Ann. Stat. 39 (2011),
       theorem 3: the degrees of freedom of the fused lasso.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import TV1D
    >>> TV1D(regularization=0.5)(np.array([0.0, 0.0, 3.0, 3.0]), sigma=1.0)
    array([0.25, 0.25, 2.75, 2.75])
    """

    axes: ClassVar[str] = "(..., time)"

    def minimise(self, z: Any, weight: Any, mask: Any = None) -> Rows:
        """Exact minimiser of each row with its duality gap."""
        xp = namespace(z)
        estimate = _SOLVE(z, weight)
        ones = xp.ones(z.shape[0], dtype=xp.int64, device=device_of(z))
        return Rows(estimate, _GAP(z, weight, estimate), ones)

    def minimiser(self, z: Any, weight: Any, mask: Any = None) -> Any:
        """Exact minimiser of each row."""
        return _SOLVE(z, weight)

    def estimate(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Estimate alone; the direct algorithm is exact, so no time goes into a certificate."""
        direct = is_numpy(namespace(values)) and mask is None and sigma is not None
        if not direct or isinstance(self.regularization, str):
            return super().estimate(values, sigma=sigma, mask=mask)
        rows = as_rows(values, 1, None)
        weight = self.regularization * noise_per_row(sigma, values, 1)
        return _SOLVE(rows, weight).reshape(values.shape)

    def solve_whole_rows(self, rows: Any, level: Any) -> tuple[Rows, Any]:
        """Rows in their own unit: the algorithm only adds and compares, so it needs no scaling."""
        if self.regularization in ("auto", "sure", "discrepancy"):
            return super().solve_whole_rows(rows, level)
        weight = self.choose_weight(rows)
        found = self.minimise(rows, weight * level)
        return found, weight

    def closed_form_divergence(self) -> Divergence | None:
        """Number of constant segments of each row."""
        return _segments


def _segments(z: Any, weight: Any, estimate: Any) -> Any:
    xp = namespace(estimate)
    jumps = estimate[:, 1:] != estimate[:, :-1]
    return 1.0 + xp.sum(xp.astype(jumps, xp.float64), axis=-1)
