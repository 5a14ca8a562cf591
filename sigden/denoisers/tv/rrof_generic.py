"""Regularised ROF along the last axis: primal-dual Newton for any array library."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.denoisers.tv.tridiagonal_generic import solve_tridiagonal

__all__ = ["rrof"]

_ARMIJO = 1e-4
_ROUNDING = 1e-13  # relative rounding error granted to the objective in the line search
_HALVINGS = 40
_PATIENCE = 25  # Newton steps without halving the gap: the rounding floor, or time to lower a raised beta
_STAGE_GAP = 0.1  # relative gap at which a raised beta is lowered
_STAGE_FACTOR = 0.03
_LEAST_WEIGHT = 1e-30  # below, the effect on data of order one is under rounding; as for beta
_LARGEST_WEIGHT = 1e20
_LEAST_BETA = 1e-30


def _differences(u: Any) -> Any:
    return u[:, 1:] - u[:, :-1]


def _transpose(w: Any) -> Any:
    """Adjoint of the forward difference."""
    xp = namespace(w)
    border = xp.zeros((w.shape[0], 1), dtype=w.dtype, device=device_of(w))
    padded = xp.concat([border, w, border], axis=1)
    return padded[:, :-1] - padded[:, 1:]


@dataclass(frozen=True)
class _Point:
    """Estimate, and all that one evaluation of the functional gives, per row."""

    u: Any
    flux: Any  # d / s per link
    curvature: Any  # (1 - w d / s) / s per link
    descent: Any  # minus the gradient
    primal: Any
    gap: Any


def _sum(x: Any) -> Any:
    return namespace(x).sum(x, axis=1, keepdims=True)


def _evaluate(u: Any, y: Any, w: Any, weight: Any, beta: Any) -> _Point:
    xp = namespace(u, y)
    root = xp.sqrt(beta)
    d = _differences(u)
    s = xp.sqrt(d * d + beta)
    flux = d / s
    complement = xp.sqrt(1.0 - w * w)
    inner = w * d + complement * root
    cross = complement * d - w * root
    # s - inner without cancellation: s^2 = inner^2 + cross^2
    aligned = w * d >= 0.0
    link_gap = xp.where(aligned, cross * cross / xp.where(aligned, s + inner, s), s - inner)
    residual = u - y
    mismatch = residual + weight * _transpose(w)
    return _Point(
        u=u,
        flux=flux,
        curvature=(1.0 - w * flux) / s,
        descent=-residual - weight * _transpose(flux),
        primal=weight * _sum(s - root) + 0.5 * _sum(residual * residual),
        gap=weight * _sum(link_gap) + 0.5 * _sum(mismatch * mismatch),
    )


def _where(rows: Any, new: _Point, old: _Point) -> _Point:
    """New values in the chosen rows, old ones elsewhere."""
    xp = namespace(rows)
    fields = ("u", "flux", "curvature", "descent", "primal", "gap")
    return _Point(*(xp.where(rows, getattr(new, f), getattr(old, f)) for f in fields))


def _newton_step(point: _Point, weight: Any) -> tuple[Any, Any]:
    """Primal direction and the full dual step, clipped to abs(w) <= 1 so that the matrix stays positive."""
    xp = namespace(point.u)
    link = weight * point.curvature
    border = xp.zeros((link.shape[0], 1), dtype=link.dtype, device=device_of(link))
    left = xp.concat([border, link], axis=1)
    right = xp.concat([link, border], axis=1)
    x = solve_tridiagonal(-left, 1.0 + left + right, -right, point.descent)
    w = point.flux + point.curvature * _differences(x)
    one = xp.ones_like(w)
    return x, xp.minimum(xp.maximum(w, -one), one)


def _line_search(
    point: _Point, x: Any, y: Any, w: Any, weight: Any, beta: Any, least: Any, active: Any
) -> _Point:
    """Halve the step of each row until the Armijo rule or a halved gap accepts it."""
    xp = namespace(x)
    decrease = _ARMIJO * _sum(point.descent * x)
    step = xp.ones_like(decrease)
    result = point
    pending = active
    for _ in range(_HALVINGS):
        trial = _evaluate(point.u + step * x, y, w, weight, beta)
        result = _where(pending, trial, result)
        armijo = trial.primal > point.primal * (1.0 + _ROUNDING) - step * decrease
        pending = pending & armijo & ~(trial.gap <= 0.5 * least)
        if not bool(xp.any(pending)):
            break
        step = xp.where(pending, 0.5 * step, step)
    return result


def _relative(point: _Point) -> Any:
    xp = namespace(point.gap)
    # a primal that underflows is solved: data are of order one
    safe = xp.where(point.primal > 0.0, point.primal, xp.ones_like(point.primal))
    return point.gap / safe


def _column(value: Any, like: Any, xp: ModuleType) -> Any:
    column = xp.asarray(value, dtype=xp.float64, device=device_of(like))
    zeros = xp.zeros((like.shape[0], 1), dtype=xp.float64, device=device_of(like))
    return zeros + xp.reshape(column, (-1, 1))


def rrof(y: Any, weight: Any, beta: Any, tol: float, max_iter: int) -> tuple[Any, Any, Any]:
    r"""Minimise the regularised ROF functional along the last axis.

    .. math:: F(u) = w \sum_i \sqrt{(u_{i+1} - u_i)^2 + \beta} + \frac12 \|u - y\|^2

    Parameters
    ----------
    y : array of float32 or float64, shape (batch, n)
        Data of order one, finite.
    weight : array, shape (batch,)
        Weight w of the total variation, in units of the data, below 1e20; zero (or below 1e-30) returns
        the data.
    beta : float or array, shape (batch,)
        Rounding of the absolute value, in squared units of the data, positive; taken as at least 1e-30.
    tol : float
        Relative duality gap at which a row stops.
    max_iter : int
        Largest number of Newton steps for a row.

    Returns
    -------
    u : array, shape (batch, n)
        Estimate, of the dtype of `y`; NaN in a row whose data or parameters are not finite or out of range.
    gap : array of float64, shape (batch,)
        Relative duality gap (primal - dual) / primal. Both values are counted from the constant
        w (n - 1) sqrt(beta), which makes the ratio stricter. float32 data are solved in float64: the gap is
        that of the estimate before it is rounded to float32.
    iterations : array of int64, shape (batch,)
        Newton steps taken.

    Notes
    -----
    The same Newton step and line search as the CPU kernel, all rows at once. The start differs: exact TV is a
    serial algorithm, so beta is raised to the mean square of the data and lowered in stages.

    References
    ----------
    T. F. Chan, G. H. Golub, P. Mulet, "A nonlinear primal-dual method for total variation-based image
    restoration", SIAM J. Sci. Comput. 20, 1964 (1999), sections 3 and 4.
    """
    xp = namespace(y)
    if 0 in y.shape:
        empty = xp.zeros((y.shape[0],), dtype=xp.float64, device=device_of(y))
        return y, empty, xp.astype(empty, xp.int64)
    weight = _column(weight, y, xp)
    beta = _column(beta, y, xp)
    data = xp.astype(y, xp.float64)
    constant = xp.all(y == y[:, :1], axis=1, keepdims=True)
    valid = xp.all(xp.isfinite(data), axis=1, keepdims=True)
    valid = valid & (weight >= 0.0) & (weight < _LARGEST_WEIGHT) & (beta > 0.0) & xp.isfinite(beta)
    unchanged = valid & (constant | (weight < _LEAST_WEIGHT))
    active = valid & ~unchanged
    data = xp.where(active, data, xp.zeros_like(data))
    mean = xp.mean(data, axis=1, keepdims=True)
    data = data - mean
    one = xp.ones_like(beta)
    weight = xp.where(active, weight, one)
    beta = xp.where(active, xp.maximum(beta, _LEAST_BETA * one), one)

    current = xp.maximum(beta, xp.mean(data * data, axis=1, keepdims=True))
    w = xp.zeros_like(data[:, 1:])
    point = _evaluate(data, data, w, weight, current)
    least = point.gap
    stalled = xp.zeros_like(beta)
    iterations = xp.zeros_like(beta)
    for _ in range(max_iter):
        relative = _relative(point)
        raised = current > beta
        lower = active & raised & (~(relative > _STAGE_GAP) | (stalled >= _PATIENCE))
        if bool(xp.any(lower)):
            current = xp.where(lower, xp.maximum(beta, _STAGE_FACTOR * current), current)
            point = _where(lower, _evaluate(point.u, data, w, weight, current), point)
            least = xp.where(lower, point.gap, least)
            stalled = xp.where(lower, xp.zeros_like(stalled), stalled)
            relative = _relative(point)
            raised = current > beta
        active = active & (raised | ((relative > tol) & (stalled < _PATIENCE)))
        if not bool(xp.any(active)):
            break
        x, w_new = _newton_step(point, weight)
        w = xp.where(active, w_new, w)
        point = _line_search(point, x, data, w, weight, current, least, active)
        iterations = iterations + xp.astype(active, xp.float64)
        stalled = xp.where(point.gap <= 0.5 * least, xp.zeros_like(stalled), stalled + 1.0)
        least = xp.minimum(least, point.gap)

    point = _where(current > beta, _evaluate(point.u, data, w, weight, beta), point)
    nan = xp.zeros_like(beta) + xp.nan
    estimate = xp.where(valid, xp.astype(point.u + mean, y.dtype), xp.astype(nan, y.dtype))
    estimate = xp.where(unchanged, y, estimate)
    gap = xp.where(valid, _relative(point), nan)
    return estimate, gap[:, 0], xp.astype(iterations[:, 0], xp.int64)
