"""Spectral norm of an operator that has no closed form."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.errors import ParameterError
from sigden.operators.base import LinearOperator

__all__ = ["norm_estimate", "power_method"]


def _start(operator: LinearOperator, like: Any) -> tuple[Any, Any]:
    """Namespace and a start vector, uniform on the unit sphere, the same at every call."""
    import numpy as np

    anchor = operator.__dict__["_like"] if like is None else like
    generator = np.random.default_rng(20240521)
    values = generator.standard_normal(operator.in_shape)
    if operator.is_complex:
        values = values + 1j * generator.standard_normal(operator.in_shape)
    values /= np.linalg.norm(values.ravel())
    if anchor is None:
        xp = namespace(values)
        return xp, values
    xp = namespace(anchor)
    return xp, xp.asarray(values, device=device_of(anchor))


def _inner(xp: Any, x: Any, y: Any) -> float:
    product = xp.conj(x) * y if xp.isdtype(x.dtype, "complex floating") else x * y
    total = xp.sum(product)
    return float(xp.real(total)) if xp.isdtype(total.dtype, "complex floating") else float(total)


def power_method(
    operator: LinearOperator, *, max_iter: int = 200, tol: float = 1e-6, like: Any = None
) -> float:
    """Spectral norm from below by power iterations on ``A^H A``.

    Parameters
    ----------
    operator : LinearOperator
        The operator.
    max_iter : int, optional
        Largest number of iterations.
    tol : float, optional
        Iterations end when the estimate grows by less than this fraction.
    like : array, optional
        An array of the library and device to work on, for an operator that holds no array; NumPy by default.

    Returns
    -------
    float
        Estimate that never exceeds the norm, but for rounding.

    Raises
    ------
    ParameterError
        If `max_iter` is not positive.

    Notes
    -----
    The start is deterministic. Use `norm_estimate` where an upper bound is needed, as for step sizes.
    """
    if max_iter < 1:
        raise ParameterError(f"power_method: max_iter must be at least 1, got {max_iter}")
    xp, x = _start(operator, like)
    found = 0.0
    for _ in range(max_iter):
        image = operator._forward(xp, x)
        norm = math.sqrt(_inner(xp, image, image))
        x = operator._adjoint(xp, image)
        length = math.sqrt(_inner(xp, x, x))
        if length == 0.0 or not math.isfinite(length):
            return length if length != 0.0 else norm
        x = x / length
        if norm <= found * (1.0 + tol):
            return max(norm, found)
        found = norm
    return found


def norm_estimate(
    operator: LinearOperator, *, relative_error: float = 0.05, failure: float = 1e-6, like: Any = None
) -> float:
    r"""Upper bound on the spectral norm from Lanczos steps with a random start.

    Parameters
    ----------
    operator : LinearOperator
        The operator.
    relative_error : float, optional
        Largest excess over the norm, as a fraction, in (0, 1).
    failure : float, optional
        Probability, over start vectors, that the value lies below the norm, in (0, 1).
    like : array, optional
        An array of the library and device to work on, for an operator that holds no array; NumPy by default.

    Returns
    -------
    float
        The bound. The start is the same at every call, and so is the result.

    Raises
    ------
    ParameterError
        If `relative_error` or `failure` is out of range.

    Notes
    -----
    For a start uniform on the sphere of :math:`R^n` the largest Ritz value :math:`\theta_k` of
    :math:`B = A^H A` after `k` steps satisfies
    :math:`P(\theta_k < (1 - \epsilon) \|B\|) \le 1.648 \sqrt{n} \exp(-\sqrt{\epsilon} (2 k - 1))`, so
    :math:`\sqrt{\theta_k / (1 - \epsilon)}` bounds the norm once `k` makes the right side `failure`: 53 steps
    for a million unknowns with the defaults.

    References
    ----------
    J. Kuczynski and H. Wozniakowski, "Estimating the largest eigenvalue by the power and Lanczos algorithms
    with a random start", SIAM J. Matrix Anal. Appl. 13, 1094 (1992), theorem 4.2.
    """
    import numpy as np

    if not 0 < relative_error < 1 or not 0 < failure < 1:
        raise ParameterError(
            f"norm_estimate: relative_error {relative_error} and failure {failure} must lie in (0, 1)"
        )
    xp, vector = _start(operator, like)
    size = math.prod(operator.in_shape) * (2 if operator.is_complex else 1)
    epsilon = 1.0 - 1.0 / (1.0 + relative_error) ** 2
    steps = math.ceil(0.5 * (1.0 + math.log(1.648 * math.sqrt(size) / failure) / math.sqrt(epsilon)))
    diagonal: list[float] = []
    coupling: list[float] = []
    previous = xp.zeros_like(vector)
    largest = 0.0
    for _ in range(min(steps, size + 1)):
        image = operator._gram(xp, vector)
        diagonal.append(_inner(xp, vector, image))
        last = coupling[-1] if coupling else 0.0
        image = image - diagonal[-1] * vector - last * previous
        length = math.sqrt(_inner(xp, image, image))
        if not math.isfinite(length):
            return math.nan
        scale = max(max(diagonal), *coupling, 0.0)
        if length <= 1e-14 * scale:
            break
        coupling.append(length)
        previous, vector = vector, image / length
    count = len(diagonal)
    matrix = np.diag(diagonal) + np.diag(coupling[: count - 1], 1) + np.diag(coupling[: count - 1], -1)
    largest = max(float(np.linalg.eigvalsh(matrix)[-1]), 0.0)
    return math.sqrt(largest / (1.0 - epsilon))
