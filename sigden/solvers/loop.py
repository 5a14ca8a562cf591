"""One loop for every solver."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from sigden.arrays import namespace
from sigden.errors import ParameterError
from sigden.solvers.solution import Progress, Solution, Status

__all__ = ["Solver", "solve"]

P = TypeVar("P", contravariant=True)
S = TypeVar("S")


@runtime_checkable
class Solver(Protocol[P, S]):
    """An iteration: how it starts, steps, and proves how far it is from the solution.

    A solver is a frozen dataclass whose fields are its parameters. A state is a value: `step` returns a new
    one and leaves the old one as it was.
    """

    def init(self, problem: P, x0: Any = None) -> S:
        """First state; `x0` is not changed."""

    def step(self, problem: P, state: S) -> S:
        """Next state."""

    def gap(self, problem: P, state: S) -> float:
        """Certificate: zero at the solution."""

    def estimate(self, problem: P, state: S) -> Any:
        """Iterate that a state stands for."""

    def details(self, problem: P, state: S) -> Mapping[str, Any]:
        """Facts for the solution, among them ``"certificate"``."""


def solve(
    solver: Solver[P, S],
    problem: P,
    x0: Any = None,
    *,
    max_iter: int,
    tol: float,
    check_every: int = 10,
    callback: Callable[[Progress], Any] | None = None,
) -> Solution:
    """Run a solver until its certificate reaches the tolerance.

    Parameters
    ----------
    solver : Solver
        The iteration.
    problem : object
        A problem of the kind that the solver takes.
    x0 : array, optional
        Where to start; not changed. The solver's own start by default.
    max_iter : int
        Largest number of steps; zero only evaluates the start.
    tol : float
        Non-negative tolerance on the certificate.
    check_every : int, optional
        Number of steps between evaluations of the certificate. The last step is always checked.
    callback : callable, optional
        Called with a `Progress` at each check; stops the loop when it returns True.

    Returns
    -------
    Solution
        Estimate, status, certificate and history.

    Raises
    ------
    ParameterError
        If `max_iter`, `tol` or `check_every` is out of range.
    """
    if max_iter < 0 or check_every < 1:
        raise ParameterError(
            f"solve: needs max_iter >= 0 and check_every >= 1, got {max_iter} and {check_every}"
        )
    if not tol >= 0:
        raise ParameterError(f"solve: tol must not be negative, got {tol}")
    start = time.perf_counter()
    state = solver.init(problem, x0)
    history: list[tuple[int, float]] = []
    iteration = 0
    while True:
        estimate = solver.estimate(problem, state)
        gap = float(solver.gap(problem, state))
        history.append((iteration, gap))
        status = _status(estimate, gap, tol)
        if callback is not None:
            seconds = time.perf_counter() - start
            stop = callback(Progress(iteration, gap, seconds, estimate))
            if stop is True and status is None:
                status = Status.STOPPED
        if status is None and iteration >= max_iter:
            status = Status.MAX_ITER
        if status is not None:
            break
        steps = min(check_every, max_iter - iteration)
        for _ in range(steps):
            state = solver.step(problem, state)
        iteration += steps
    return Solution(
        estimate=estimate,
        status=status,
        iterations=iteration,
        gap=gap,
        history=tuple(history),
        seconds=time.perf_counter() - start,
        details=dict(solver.details(problem, state)),
    )


def _status(estimate: Any, gap: float, tol: float) -> Status | None:
    xp = namespace(estimate)
    if math.isnan(gap) or not bool(xp.all(xp.isfinite(estimate))):
        return Status.NON_FINITE
    return Status.CONVERGED if gap <= tol else None
