"""Regularised ROF along the last axis: primal-dual Newton on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from sigden.arrays import parallel_allowed
from sigden.denoisers.tv.tv1d_numba import tv1d

__all__ = ["rrof"]

_REDUCTION = {"reassoc", "contract", "nsz"}
_BLOCK = 8  # samples between two normalisations: (2 weight / sqrt(beta))**8 must not overflow
_CHUNKS = 64  # rows are shared out in at most this many pieces
_LEAST_SHARED = 32768  # samples below which waking the threads costs more than they save
_ARMIJO = 1e-4
_ROUNDING = 1e-13  # relative rounding error granted to the objective in the line search
_HALVINGS = 40
_PATIENCE = 25  # Newton steps without halving the gap before the continuation in beta starts
_BUFFERS = 9
_LARGEST = 1e30  # data and beta beyond it would overflow the certificate
_LEAST_WEIGHT = 1e-30  # below, the effect on data of order one is under rounding; as for beta
_LARGEST_WEIGHT = 1e20
_LEAST_BETA = 1e-30


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_REDUCTION)
def _links(u, w, weight, beta, flux, stiffness):  # type: ignore[no-untyped-def]
    """Flux d/s and stiffness weight (1 - w d/s)/s of each link; returns TV energy and Fenchel-Young gap."""
    root = np.sqrt(beta)
    one = np.float32(1.0)
    energy = 0.0
    gap = 0.0
    for i in range(1, u.size):
        d = u[i] - u[i - 1]
        s = np.sqrt(d * d + beta)
        inverse = 1.0 / s
        a = w[i]
        # only the gap needs b = sqrt(1 - a^2): float32 root and one Newton step, float32 quotient below
        h = max(1.0 - a * a, 1e-30)
        b = np.float64(one / np.sqrt(np.float32(h)))
        b *= h * (1.5 - 0.5 * h * b * b)
        inner = a * d + b * root
        cross = b * d - a * root
        # s - inner without cancellation: s^2 = inner^2 + cross^2
        quotient = np.float64(one / np.float32(s + abs(inner)))
        gap += cross * cross * quotient if a * d >= 0.0 else s - inner
        energy += s - root
        f = d * inverse
        flux[i] = f
        stiffness[i] = weight * inverse * (1.0 - a * f)
    return energy, gap


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_REDUCTION)
def _samples(u, y, w, flux, weight, descent):  # type: ignore[no-untyped-def]
    """Minus the gradient of each sample; returns half the squared misfit and half the squared dual misfit."""
    energy = 0.0
    gap = 0.0
    for i in range(u.size):
        r = u[i] - y[i]
        e = r + weight * (w[i] - w[i + 1])
        energy += r * r
        gap += e * e
        descent[i] = -r - weight * (flux[i] - flux[i + 1])
    return 0.5 * energy, 0.5 * gap


@njit(cache=True, nogil=True, error_model="numpy")
def _evaluate(u, y, w, weight, beta, flux, stiffness, descent):  # type: ignore[no-untyped-def]
    variation, link_gap = _links(u, w, weight, beta, flux, stiffness)
    misfit, sample_gap = _samples(u, y, w, flux, weight, descent)
    return weight * variation + misfit, weight * link_gap + sample_gap


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_REDUCTION)
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _solve_chain(stiffness, rhs, ratio, x):  # type: ignore[no-untyped-def]
    """Solve (I + D^T diag(stiffness) D) x = rhs from both ends to the middle.

    The Schur complement e of a sample obeys e' = 1 + c e / (e + c): all terms positive, no cancellation.
    It is carried as e = p / q, so the recurrence has no division: 1 / (e + c) = q / (p + c q) is off it.
    """
    n = rhs.size
    pairs = (n - 1) // 2
    p = 1.0
    q = 1.0
    z = 0.0
    k = 0.0
    p_right = 1.0
    q_right = 1.0
    z_right = 0.0
    k_right = 0.0
    for start in range(0, pairs, _BLOCK):
        p = p / q
        q = 1.0
        p_right = p_right / q_right
        q_right = 1.0
        for i in range(start, min(start + _BLOCK, pairs)):
            j = n - 1 - i
            c = stiffness[i + 1]
            c_right = stiffness[j]
            r = p + c * q
            r_right = p_right + c_right * q_right
            inverse = q / r
            inverse_right = q_right / r_right
            z = rhs[i] + k * z
            z_right = rhs[j] + k_right * z_right
            k = c * inverse
            k_right = c_right * inverse_right
            ratio[i] = k
            ratio[j] = k_right
            x[i] = z * inverse
            x[j] = z_right * inverse_right
            p = r + c * p
            p_right = r_right + c_right * p_right
            q = r
            q_right = r_right
    e = p / q
    e_right = p_right / q_right
    if n % 2:
        left = (rhs[pairs] + k * z + k_right * z_right) / (e + e_right - 1.0)
        right = left
        x[pairs] = left
    else:
        c = stiffness[pairs + 1]
        z = rhs[pairs] + k * z
        z_right = rhs[pairs + 1] + k_right * z_right
        determinant = e * e_right + c * (e + e_right)
        left = (z * (e_right + c) + c * z_right) / determinant
        right = (z_right * (e + c) + c * z) / determinant
        x[pairs] = left
        x[pairs + 1] = right
    for i in range(pairs - 1, -1, -1):
        j = n - 1 - i
        left = x[i] + ratio[i] * left
        right = x[j] + ratio[j] * right
        x[i] = left
        x[j] = right


@njit(cache=True, nogil=True, error_model="numpy")
def _dual_step(x, flux, stiffness, inverse_weight, w):  # type: ignore[no-untyped-def]
    """Full Newton step of the dual variable, clipped to abs(w) <= 1: the matrix stays positive definite."""
    for i in range(1, x.size):
        full = flux[i] + stiffness[i] * inverse_weight * (x[i] - x[i - 1])
        w[i] = min(max(full, -1.0), 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _warm_dual(u, y, weight, w):  # type: ignore[no-untyped-def]
    """Dual variable of the exact TV solution: w = clip(cumsum(u - y) / weight)."""
    total = 0.0
    inverse = 1.0 / weight
    for i in range(u.size - 1):
        total += u[i] - y[i]
        w[i + 1] = min(max(total * inverse, -1.0), 1.0)
    w[0] = 0.0
    w[u.size] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _newton_row(y, weight, beta, tol, max_iter, patience, work):  # type: ignore[no-untyped-def]
    """Minimise one row from the warm start in work[0]; returns the buffer that holds it, its gap, the steps.

    A gap that does not halve within `patience` steps starts a continuation: beta is raised to the mean square
    of the data and lowered by 100 when the gap falls below 1e-3. A second stall is the rounding floor.
    """
    n = y.size
    u, trial, descent, ratio, x = work[0, :n], work[1, :n], work[2, :n], work[3, :n], work[4, :n]
    w, flux, stiffness = work[5], work[6], work[7]
    for i in (0, n):
        flux[i] = 0.0
        stiffness[i] = 0.0
    inverse_weight = 1.0 / weight
    _warm_dual(u, y, weight, w)
    current = beta
    primal, gap = _evaluate(u, y, w, weight, current, flux, stiffness, descent)
    least = gap
    stalled = 0
    kept_gap = np.inf
    kept = u[:0]
    iterations = 0
    while True:
        relative = gap / primal if gap > 0.0 else gap
        if current == beta and not relative > tol:
            return u, relative, iterations
        restart = False
        if current > beta:
            if not relative > 1e-3 or stalled >= patience:
                current = max(beta, 0.01 * current)
                restart = True
        elif stalled >= patience:
            if kept_gap < np.inf:
                break
            kept_gap = relative
            kept = u.copy()
            current = max(beta, _dot(y, y) / n)
            patience = _PATIENCE
            restart = True
        if iterations >= max_iter:
            break
        if restart:
            primal, gap = _evaluate(u, y, w, weight, current, flux, stiffness, descent)
            least = gap
            stalled = 0
        iterations += 1
        _solve_chain(stiffness, descent, ratio, x)
        decrease = _ARMIJO * _dot(descent, x)
        _dual_step(x, flux, stiffness, inverse_weight, w)
        step = 1.0
        for _ in range(_HALVINGS):
            for i in range(n):
                trial[i] = u[i] + step * x[i]
            value, new_gap = _evaluate(trial, y, w, weight, current, flux, stiffness, descent)
            if new_gap <= 0.5 * least or not value > primal * (1.0 + _ROUNDING) - step * decrease:
                break
            step *= 0.5
        u, trial = trial, u
        primal = value
        gap = new_gap
        if gap <= 0.5 * least:
            stalled = 0
        else:
            stalled += 1
        least = min(least, gap)
    if current > beta:
        primal, gap = _evaluate(u, y, w, weight, beta, flux, stiffness, descent)
    relative = gap / primal if gap > 0.0 else gap
    if kept_gap < relative:
        return kept, kept_gap, iterations
    return u, relative, iterations


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_REDUCTION)
def _mean_and_spread(y):  # type: ignore[no-untyped-def]
    """Mean, and sum of distances to the first sample: zero for a constant, not finite if a sample is not."""
    first = np.float64(y[0])
    total = 0.0
    spread = 0.0
    for i in range(y.size):
        d = y[i] - first
        total += d
        spread += abs(d)
    return first + total / y.size, spread


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_row(y, warm, weight, beta, tol, max_iter, patience, work, out):  # type: ignore[no-untyped-def]
    """One row of any dtype: trivial cases exactly, all others in float64 about their mean."""
    n = y.size
    mean, spread = _mean_and_spread(y)
    if not (spread < _LARGEST and 0.0 <= weight < _LARGEST_WEIGHT and 0.0 < beta < _LARGEST):
        out[:] = np.nan
        return np.nan, 0
    if weight < _LEAST_WEIGHT or spread == 0.0:
        for i in range(n):
            out[i] = y[i]
        return 0.0, 0
    data = work[8, :n]
    for i in range(n):
        data[i] = y[i] - mean
        work[0, i] = warm[i] - mean
    u, gap, iterations = _newton_row(data, weight, max(beta, _LEAST_BETA), tol, max_iter, patience, work)
    for i in range(n):
        out[i] = u[i] + mean
    return gap, iterations


def _signature(real: Any) -> Any:
    matrix = types.Array(real, 2, "C", readonly=True)
    vector = types.Array(types.float64, 1, "C", readonly=True)
    return types.void(
        matrix, matrix, vector, vector, types.float64, types.int64, types.int64,
        types.Array(real, 2, "C"), types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C"),
    )  # fmt: skip


_SIGNATURES = [_signature(types.float32), _signature(types.float64)]


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy")
def _rows(y, warm, weight, beta, tol, max_iter, patience, out, gap, iterations):  # type: ignore[no-untyped-def]
    work = np.empty((_BUFFERS, y.shape[1] + 1))
    for i in range(y.shape[0]):
        found = _solve_row(y[i], warm[i], weight[i], beta[i], tol, max_iter, patience, work, out[i])
        gap[i], iterations[i] = found


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy", parallel=True)
def _rows_parallel(y, warm, weight, beta, tol, max_iter, patience, out, gap, iterations):  # type: ignore[no-untyped-def]
    batch = y.shape[0]
    chunks = min(batch, _CHUNKS)
    for k in prange(chunks):
        work = np.empty((_BUFFERS, y.shape[1] + 1))
        for i in range(k * batch // chunks, (k + 1) * batch // chunks):
            found = _solve_row(y[i], warm[i], weight[i], beta[i], tol, max_iter, patience, work, out[i])
            gap[i], iterations[i] = found


def _exact(y: Any, weight: Any) -> Any:
    """Exact TV of the rows that can be solved, zero in the others."""
    with np.errstate(invalid="ignore", over="ignore"):
        solvable = np.isfinite(y.sum(axis=1, dtype=np.float64)) & (weight >= 0.0) & (weight < _LARGEST_WEIGHT)
    if np.all(solvable):
        return tv1d(y, weight)
    return tv1d(np.where(solvable[:, None], y, y.dtype.type(0)), np.where(solvable, weight, 0.0))


def rrof(
    y: Any, weight: Any, beta: Any, tol: float, max_iter: int, *, patience: int = _PATIENCE
) -> tuple[Any, Any, Any]:
    r"""Minimise the regularised ROF functional along the last axis.

    .. math:: F(u) = w \sum_i \sqrt{(u_{i+1} - u_i)^2 + \beta} + \frac12 \|u - y\|^2

    Parameters
    ----------
    y : ndarray of float32 or float64, shape (batch, n)
        Data of order one, finite.
    weight : ndarray, shape (batch,)
        Weight w of the total variation, in units of the data, below 1e20; zero (or below 1e-30) returns
        the data.
    beta : float or ndarray, shape (batch,)
        Rounding of the absolute value, in squared units of the data, positive; taken as at least 1e-30.
    tol : float
        Relative duality gap at which a row stops.
    max_iter : int
        Largest number of Newton steps for a row.
    patience : int
        Newton steps without halving the gap after which a continuation in beta starts.

    Returns
    -------
    u : ndarray, shape (batch, n)
        Estimate, of the dtype of `y`; NaN in a row whose data or parameters are not finite or out of range.
    gap : ndarray of float64, shape (batch,)
        Relative duality gap (primal - dual) / primal. Both values are counted from the constant
        w (n - 1) sqrt(beta), which makes the ratio stricter. float32 data are solved in float64: the gap is
        that of the estimate before it is rounded to float32.
    iterations : ndarray of int64, shape (batch,)
        Newton steps taken.

    Notes
    -----
    The primal-dual system u - y + w D^T p = 0, p sqrt((Du)^2 + beta) = Du is linearised together, which has
    a far larger Newton basin than the gradient equation when beta is small. The dual is clipped to
    abs(p) <= 1; the matrix is then positive definite and the primal step descends. A step is accepted by the
    Armijo rule or when it halves the least duality gap seen, so the iteration cannot cycle. It starts from
    exact TV.

    References
    ----------
    T. F. Chan, G. H. Golub, P. Mulet, "A nonlinear primal-dual method for total variation-based image
    restoration", SIAM J. Sci. Comput. 20, 1964 (1999), sections 3 and 4.
    """
    y = np.ascontiguousarray(y)
    batch = y.shape[0]
    weight = np.ascontiguousarray(np.broadcast_to(np.asarray(weight, dtype=np.float64), (batch,)))
    beta = np.ascontiguousarray(np.broadcast_to(np.asarray(beta, dtype=np.float64), (batch,)))
    estimate = np.empty_like(y)
    gap = np.zeros(batch)
    iterations = np.zeros(batch, dtype=np.int64)
    if y.size == 0:
        return estimate, gap, iterations
    rows = _rows_parallel if batch > 1 and y.size >= _LEAST_SHARED and parallel_allowed() else _rows
    warm = _exact(y, weight)
    rows(y, warm, weight, beta, float(tol), int(max_iter), int(patience), estimate, gap, iterations)
    return estimate, gap, iterations
