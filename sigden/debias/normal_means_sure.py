"""Linear shrinkage of many normal means, with strength and centre by Stein's unbiased risk estimate."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import require_finite
from sigden.errors import InputError
from sigden.score.density import numpy_floating
from sigden.score.mixture.normal_mixture import check_noise

__all__ = ["sure_means"]

_GRID = 400  # strengths tried before the best is refined


def sure_means(x: Any, sigma: Any) -> Any:
    """Shrink each datum towards a common centre, the more the noisier it is.

    Parameters
    ----------
    x : array_like
        Data ``x_i = theta_i + sigma_i e_i`` with standard normal e, NumPy; at least two.
    sigma : float or array_like
        Standard deviation of the noise; one for all or one for each.

    Returns
    -------
    numpy.ndarray
        ``m + lambda / (lambda + sigma_i^2) (x_i - m)`` in the shape of `x`.

    Raises
    ------
    InputError
        If data or noise cannot be used; the index is named.

    Notes
    -----
    The prior variance lambda and the centre m minimise the unbiased estimate of the risk [1]_

    .. math::
        \\sum_i \\left(\\frac{\\sigma_i^2}{\\sigma_i^2 + \\lambda}\\right)^2 (x_i - m)^2
        + \\frac{\\sigma_i^2 (\\lambda - \\sigma_i^2)}{\\lambda + \\sigma_i^2} .

    Unlike a maximum-likelihood prior it does not assume that the means have nothing to do with the noise:
    where they do, as for batters who bat more often because they are good, it is often the better of the
    two. Where they do not, `sigden.debias.normal_means.normal_means` is.

    References
    ----------
    .. [1] X. Xie, S. C. Kou and L. D. Brown, "SURE estimates for a heteroscedastic hierarchical model", J.
       Am. Stat. Assoc. 107 (2012) 1465, section 4.
    """
    from scipy.optimize import minimize_scalar

    x = numpy_floating(x, "x")
    if x.size < 2:
        raise InputError(f"x: needs at least 2 data, got {x.size}")
    variance = np.broadcast_to(check_noise(sigma, x), x.shape) ** 2
    require_finite(x, "x")
    offset = float(np.mean(x, dtype=np.float64))
    centred = x.astype(np.float64) - offset

    def centre(strength: float) -> float:
        return float(np.average(centred, weights=(variance / (variance + strength)) ** 2))

    def risk(log_strength: float) -> float:
        strength = float(np.exp(log_strength))
        gain = variance / (variance + strength)
        away = centred - centre(strength)
        return float(np.sum((gain * away) ** 2 + gain * (strength - variance)))

    low = np.log(variance.min()) - 12
    high = np.log(variance.max() + np.mean(centred**2)) + 12
    grid = np.linspace(low, high, _GRID)
    k = int(np.argmin([risk(g) for g in grid]))
    bounds = grid[max(k - 1, 0)], grid[min(k + 1, _GRID - 1)]
    strength = float(np.exp(minimize_scalar(risk, bounds=bounds, method="bounded").x))
    m = centre(strength)
    return (offset + m + strength / (strength + variance) * (centred - m)).astype(x.dtype)
