"""Tridiagonal systems by parallel cyclic reduction, for any array library."""

from __future__ import annotations

from typing import Any

from sigden.arrays import device_of, namespace

__all__ = ["solve_tridiagonal"]


def _shifted(x: Any, offset: int, fill: Any) -> Any:
    """Value of the equation `offset` rows away, `fill` beyond the border."""
    xp = namespace(x)
    if offset > 0:
        return xp.concat([x[:, offset:], fill[:, :offset]], axis=1)
    return xp.concat([fill[:, :-offset], x[:, :offset]], axis=1)


def solve_tridiagonal(lower: Any, diagonal: Any, upper: Any, rhs: Any) -> Any:
    r"""Solve a batch of tridiagonal systems in :math:`\lceil \log_2 n \rceil` vector steps.

    .. math:: l_i x_{i-1} + d_i x_i + u_i x_{i+1} = r_i

    Parameters
    ----------
    lower, diagonal, upper, rhs : array, shape (batch, n)
        Coefficients and right-hand side; ``lower[:, 0]`` and ``upper[:, -1]`` are not used.

    Returns
    -------
    array, shape (batch, n)
        Solution, of the dtype and on the device of `rhs`.

    Notes
    -----
    At each step every equation eliminates its two neighbours at distance 1, 2, 4, ...; after the last step
    the equations are decoupled. Without pivoting: meant for diagonally dominant or positive definite systems.

    References
    ----------
    R. W. Hockney, C. R. Jesshope, "Parallel Computers 2", Adam Hilger (1988), section 5.4.3.
    """
    xp = namespace(lower, diagonal, upper, rhs)
    n = rhs.shape[1]
    inside = xp.arange(n, device=device_of(rhs))[None, :]
    zero = xp.zeros_like(diagonal)
    one = xp.ones_like(diagonal)
    lower = xp.where(inside > 0, lower, zero)
    upper = xp.where(inside < n - 1, upper, zero)
    distance = 1
    while distance < n:
        before = -lower / _shifted(diagonal, -distance, one)
        after = -upper / _shifted(diagonal, distance, one)
        diagonal = (
            diagonal
            + before * _shifted(upper, -distance, zero)
            + after * _shifted(lower, distance, zero)
        )  # fmt: skip
        rhs = rhs + before * _shifted(rhs, -distance, zero) + after * _shifted(rhs, distance, zero)
        lower = before * _shifted(lower, -distance, zero)
        upper = after * _shifted(upper, distance, zero)
        distance *= 2
    return rhs / diagonal
