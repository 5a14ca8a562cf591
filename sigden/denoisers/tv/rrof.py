"""Regularised ROF of the gravitational-wave literature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigden.arrays import Kernel, namespace
from sigden.denoisers.tv.base import Rows
from sigden.denoisers.tv.line import LineTotalVariation
from sigden.errors import ParameterError

__all__ = ["RROF"]

_SOLVE = Kernel(
    "rrof", generic="sigden.denoisers.tv.rrof_generic:rrof", numba="sigden.denoisers.tv.rrof_numba:rrof"
)


@dataclass(frozen=True, kw_only=True)
class RROF(LineTotalVariation):
    """Regularised Rudin-Osher-Fatemi (rROF) denoising of time series, single-step or iterated.

    Parameters
    ----------
    regularization : float or {"auto", "sure", "discrepancy", "universal"}, default "auto"
        Weight on total variation for unit noise. ``"auto"`` is ``"sure"``: the weight of least unbiased risk
        (Monte-Carlo divergence), which assumes white noise.
    beta : float, default 1e-4
        Smoothing of the corner of total variation, in units of the noise variance. 1e-4 keeps its character;
        1 makes it a linear filter.
    iteration : {"single", "bregman", "successive"}, default "single"
        ``"single"`` solves once. ``"bregman"`` adds the residual back to the data and solves again, which
        restores amplitude [3]_; it stops before the residual falls below the noise. ``"successive"`` denoises
        the result again.
    passes : int, default 1
        Number of solves of the iterated procedures; at most that many with ``"bregman"``.
    max_iter : int, default 200
        Newton steps allowed for one solve.

    Notes
    -----
    With noise level :math:`\\sigma`, regularization :math:`\\lambda` and beta :math:`\\beta`

    .. math:: \\arg\\min_u \\sum_i \\sqrt{(u_{i+1}-u_i)^2 + \\beta\\sigma^2}
              + \\frac{1}{2\\lambda\\sigma} \\|u - f\\|^2 .

    The papers [1]_ [2]_ write :math:`\\frac{\\mu}{2}\\|u - f\\|^2` and an absolute :math:`\\beta`:
    :math:`\\mu = 1/(\\lambda\\sigma)` and :math:`\\beta_{paper} = \\beta\\sigma^2`. Tied to the noise like
    this the result does not depend on the unit of the strain. Band-pass the result: total variation leaves
    edges that hold all frequencies. The solver is the primal-dual Newton method of Chan, Golub and Mulet [4]_
    and stops on the relative duality gap (1e-8 in float64, 1e-5 in float32).

    With exact total variation (beta 0) successive passes are one solve with the summed weights.

    References
    ----------
    .. [1] A. Torres-Forne et al., "Total-variation-based methods for gravitational wave denoising", Phys.
       Rev. D 90, 084029 (2014).
    .. [2] Barneo et al., "Implementation of the regularized Rudin-Osher-Fatemi method in coherent
       WaveBurst" (2022).
    .. [3] S. Osher et al., "An iterative regularization method for total variation-based image restoration",
       Multiscale Model. Simul. 4 (2005).
    .. [4] T. F. Chan, G. H. Golub and P. Mulet, "A nonlinear primal-dual method for total variation-based
       image restoration", SIAM J. Sci. Comput. 20 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import RROF
    >>> noisy = np.repeat([0.0, 1e-21], 500) + 2e-22 * np.random.default_rng(1).standard_normal(1000)
    >>> clean = RROF()(noisy)
    >>> bool(abs(clean[250]) < 5e-23)
    True
    """

    axes: ClassVar[str] = "(..., time)"

    beta: float = 1e-4
    iteration: Literal["single", "bregman", "successive"] = "single"
    passes: int = 1
    max_iter: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.beta > 0:
            raise ParameterError(
                f"beta: must be positive, got {self.beta}; TV1D is the exact method with beta 0"
            )
        if self.passes < 1:
            raise ParameterError(f"passes: must be at least 1, got {self.passes}")
        if self.iteration == "single" and self.passes != 1:
            raise ParameterError(f"passes: must be 1 with iteration='single', got {self.passes}")
        if self.max_iter < 1:
            raise ParameterError(f"max_iter: must be at least 1, got {self.max_iter}")

    def minimise(self, z: Any, weight: Any, mask: Any = None) -> Rows:
        """All passes of the chosen procedure on rows of unit noise."""
        tol = self.tolerance(z.dtype, namespace(z))
        found = Rows(*_SOLVE(z, weight, self.beta, tol, self.max_iter))
        if self.iteration == "bregman":
            return self._bregman(z, weight, tol, found)
        for _ in range(self.passes - 1):
            found = _joined(found, Rows(*_SOLVE(found.estimate, weight, self.beta, tol, self.max_iter)))
        return found

    def _bregman(self, z: Any, weight: Any, tol: float, found: Rows) -> Rows:
        xp = namespace(z)
        added = z - found.estimate
        for _ in range(self.passes - 1):
            after = _joined(found, Rows(*_SOLVE(z + added, weight, self.beta, tol, self.max_iter)))
            residual = z - after.estimate
            keep_on = xp.mean(residual * residual, axis=-1, keepdims=True) >= 1.0
            if not bool(xp.any(keep_on)):
                break
            found = Rows(xp.where(keep_on, after.estimate, found.estimate), after.gap, after.iterations)
            added = xp.where(keep_on, added + residual, added)
        return found


def _joined(before: Rows, after: Rows) -> Rows:
    """The later estimate with the worse gap and the summed iterations of both."""
    xp = namespace(after.gap)
    return Rows(
        after.estimate,
        xp.where(before.gap > after.gap, before.gap, after.gap),
        before.iterations + after.iterations,
    )
