"""Exact one-dimensional total variation for any array library."""

from __future__ import annotations

from typing import Any

from sigden.arrays import device_of, namespace
from sigden.denoisers.tv.rrof_generic import rrof

__all__ = ["duality_gap", "tv1d"]

_BETAS = (1e-22, 1e-26, 1e-18)  # squared rounding of the absolute value for data of order one, tried in turn
_TOLERANCE = 1e-12
_NEWTON_STEPS = 200
_JUMPS = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6)  # steps taken for jumps, tried in turn; the duality gap decides
_MOST = 1e300
_EXACT = 1e-14  # relative duality gap at which nothing more is tried


def _column(value: Any, like: Any) -> Any:
    xp = namespace(like)
    return xp.reshape(xp.astype(xp.asarray(value, device=device_of(like)), xp.float64), (-1, 1))


def _border(like: Any, value: Any) -> Any:
    xp = namespace(like)
    return xp.full((like.shape[0], 1), value, dtype=like.dtype, device=device_of(like))


def _carry(known: Any, *values: Any) -> tuple[Any, ...]:
    """Last known value at or before each sample, in log2(n) vector steps; the first must be known."""
    xp = namespace(known)
    distance = 1
    while distance < known.shape[1]:

        def earlier(x: Any, by: int = distance) -> Any:
            return xp.concat([x[:, :by], x[:, :-by]], axis=1)

        values = tuple(xp.where(known, v, earlier(v)) for v in values)
        known = known | earlier(known)
        distance *= 2
    return values


def _carry_back(known: Any, *values: Any) -> tuple[Any, ...]:
    xp = namespace(known)
    mirrored = _carry(xp.flip(known, axis=1), *(xp.flip(v, axis=1) for v in values))
    return tuple(xp.flip(v, axis=1) for v in mirrored)


def _dual_at_jumps(u: Any, weight: Any, least: float) -> tuple[Any, Any]:
    """Where u steps by more than `least` behind each sample, and the dual w sign(Du) there."""
    xp = namespace(u)
    step = u[:, 1:] - u[:, :-1]
    jump = xp.abs(step) > least
    return jump, xp.where(jump, xp.where(step > 0.0, weight, -weight), xp.zeros_like(step))


def _segment_means(y: Any, weight: Any, u: Any, least: float) -> Any:
    """Exact estimate for the jumps of u: on each segment the mean of y plus the difference of the dual."""
    xp = namespace(u)
    jump, dual = _dual_at_jumps(u, weight, least)
    border = _border(jump, True)
    starts = xp.concat([border, jump], axis=1)
    stops = xp.concat([jump, border], axis=1)
    zero = _border(u, 0.0)
    position = xp.zeros_like(u) + xp.astype(xp.arange(u.shape[1], device=device_of(u)), xp.float64)
    # sums of y minus a constant near the segment's mean: the size of the dual, not of y
    flat, first, dual_before = _carry(starts, u, position, xp.concat([zero, dual], axis=1))
    running = xp.cumulative_sum(y - flat, axis=1)
    (sum_before,) = _carry(starts, xp.concat([zero, running[:, :-1]], axis=1))
    last, dual_after, sum_after = _carry_back(stops, position, xp.concat([dual, zero], axis=1), running)
    return flat + (sum_after - sum_before + dual_after - dual_before) / (last - first + 1.0)


def _gap(y: Any, weight: Any, u: Any, dual: Any) -> Any:
    xp = namespace(y)
    step = u[:, 1:] - u[:, :-1]
    zero = _border(u, 0.0)
    padded = xp.concat([zero, dual, zero], axis=1)
    mismatch = u - y - (padded[:, 1:] - padded[:, :-1])
    link = weight * xp.abs(step) - dual * step
    return xp.sum(link, axis=1, keepdims=True) + 0.5 * xp.sum(mismatch * mismatch, axis=1, keepdims=True)


def _relative_gap(y: Any, weight: Any, u: Any) -> Any:
    xp = namespace(y)
    residual = u - y
    variation = xp.sum(xp.abs(u[:, 1:] - u[:, :-1]), axis=1, keepdims=True)
    # no dual is larger than this where u is constant; elsewhere an infinite weight makes the primal infinite
    infinite = xp.isinf(weight)
    weight = xp.where(infinite, xp.sum(xp.abs(residual), axis=1, keepdims=True), weight)
    running = xp.cumulative_sum(residual, axis=1)[:, :-1]
    clipped = xp.minimum(xp.maximum(running, -weight), weight)
    jump, dual = _dual_at_jumps(u, weight, 0.0)
    gap = xp.minimum(_gap(y, weight, u, clipped), _gap(y, weight, u, xp.where(jump, dual, clipped)))
    primal = weight * variation + 0.5 * xp.sum(residual * residual, axis=1, keepdims=True)
    one = xp.ones_like(primal)
    relative = gap / xp.where(gap != 0.0, primal, one)
    return xp.where(infinite & (variation > 0.0), one, relative)


def duality_gap(y: Any, weight: Any, u: Any) -> Any:
    r"""Relative duality gap of an estimate of exact one-dimensional total variation, for each row.

    .. math:: \frac{w \|Du\|_1 - \langle p, Du\rangle + \frac12 \|u - y + D^T p\|^2}
              {w \|Du\|_1 + \frac12 \|u - y\|^2}, \qquad |p| \le w

    Parameters
    ----------
    y : array of float32 or float64, shape (batch, n)
        Data.
    weight : array, shape (batch,)
        Weight w of the total variation, in units of the data.
    u : array, shape (batch, n)
        Estimate.

    Returns
    -------
    array of float64, shape (batch,)
        Gap between primal and dual values over the primal value; 0 where both vanish.

    Notes
    -----
    The smaller gap of two admissible duals p: the running sum of u - y clipped to [-w, w], and the same set
    to w sign(Du) at the jumps, which forgives the rounding of u to float32 or a weight below its rounding.
    The difference of the two values is formed without cancellation.

    References
    ----------
    A. Chambolle, "An algorithm for total variation minimization and applications", J. Math. Imaging Vis. 20
    (2004), section 3.
    """
    xp = namespace(y, u)
    if 0 in y.shape:
        return xp.zeros((y.shape[0],), dtype=xp.float64, device=device_of(y))
    return _relative_gap(xp.astype(y, xp.float64), _column(weight, y), xp.astype(u, xp.float64))[:, 0]


def tv1d(y: Any, weight: Any) -> Any:
    r"""Exact minimiser of total variation plus half the squared distance, for each row.

    .. math:: \arg\min_u \; \frac12 \|u - y\|^2 + w \sum_i |u_{i+1} - u_i|

    Parameters
    ----------
    y : array of float32 or float64, shape (batch, n)
        Finite data, any scale; never written to.
    weight : array, shape (batch,)
        Weight w of the total variation, in units of the data, at least zero; infinite gives the mean.

    Returns
    -------
    array, shape (batch, n)
        Estimate, of the dtype of `y`; computed in float64.

    Notes
    -----
    A primal-dual Newton method [1]_ on a total variation whose corner is rounded by :math:`10^{-11}` of the
    data's spread (less or more where that fails) shows where the estimate jumps. Between jumps it is then
    exactly the mean of the data plus the difference of the dual, :math:`\pm w` at a jump, 0 at a border, over
    the length [2]_. Of the tried sets of jumps and the Newton estimates the one of least duality gap is
    returned.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub, P. Mulet, "A nonlinear primal-dual method for total variation-based image
       restoration", SIAM J. Sci. Comput. 20, 1964 (1999), sections 3 and 4.
    .. [2] P. L. Davies, A. Kovac, "Local extremes, runs, strings and multiresolution", Ann. Stat. 29 (2001),
       section 4.
    """
    xp = namespace(y)
    if y.shape[0] == 0 or y.shape[1] < 2:
        return xp.asarray(y, copy=True)
    w = _column(weight, y)
    data = xp.astype(y, xp.float64)
    centre = data[:, :1]
    data = data - centre
    mean = xp.mean(data, axis=1, keepdims=True)
    centre = centre + mean
    data = data - mean
    spread = xp.max(xp.abs(data), axis=1, keepdims=True)
    scale = xp.where(spread > 0.0, spread, xp.ones_like(spread))
    data = data / scale
    # a weight too large for the unit of tiny data is infinite: the division would overflow
    beyond = (scale < 1.0) & (w > _MOST * xp.minimum(scale, xp.ones_like(scale)))
    w = xp.where(beyond, xp.full_like(w, xp.inf), w) / scale
    is_mean = xp.max(xp.abs(xp.cumulative_sum(data, axis=1)[:, :-1]), axis=1, keepdims=True) <= w
    w = xp.where(is_mean, xp.zeros_like(w), w)

    best = data
    least = _relative_gap(data, w, best)
    for beta in _BETAS:
        pending = least > _EXACT
        if not bool(xp.any(pending)):
            break
        active = xp.where(pending, w, xp.zeros_like(w))
        smooth, _, _ = rrof(data, active[:, 0], beta, _TOLERANCE, _NEWTON_STEPS)
        for trial in [smooth] + [_segment_means(data, w, smooth, jump) for jump in _JUMPS]:
            gap = _relative_gap(data, w, trial)
            better = gap < least
            best = xp.where(better, trial, best)
            least = xp.where(better, gap, least)

    best = xp.where(is_mean, xp.zeros_like(best), best)
    # data that are not finite have no gap to compare
    best = xp.where(xp.isnan(least), least, best)
    estimate = xp.astype(centre + scale * best, y.dtype)
    return xp.where(_column(weight, y) == 0.0, y, estimate)
