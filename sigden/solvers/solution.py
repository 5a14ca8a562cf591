"""What a solver returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["Progress", "Solution", "Status"]


class Status(Enum):
    """Why a solver ended."""

    CONVERGED = "converged"
    """The certificate reached the tolerance."""
    MAX_ITER = "max_iter"
    """The iterations ran out first."""
    NON_FINITE = "non_finite"
    """An iterate or its certificate holds NaN, or an iterate infinity."""
    STOPPED = "stopped"
    """The callback asked to stop."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Result of a solver.

    Parameters
    ----------
    estimate : array
        Last iterate, also where the status is `Status.NON_FINITE`.
    status : Status
        Why the solver ended.
    iterations : int
        Number of steps taken.
    gap : float
        Last value of the certificate; ``details["certificate"]`` says what it measures.
    history : tuple of (int, float)
        Pairs of iteration and certificate.
    seconds : float
        Wall-clock time.
    details : mapping
        ``"certificate"`` and what else the solver tells.
    """

    estimate: Any
    status: Status
    iterations: int
    gap: float
    history: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the certificate reached the tolerance."""
        return self.status is Status.CONVERGED

    def __repr__(self) -> str:
        return (
            f"Solution({self.status.name}, iterations={self.iterations}, gap={self.gap:.3g}, "
            f"seconds={self.seconds:.3g})"
        )


@dataclass(frozen=True, eq=False)
class Progress:
    """What a callback sees at a check.

    Parameters
    ----------
    iteration : int
        Number of steps taken.
    gap : float
        Value of the certificate.
    seconds : float
        Wall-clock time since the start.
    estimate : array
        Present iterate; not to be changed.
    """

    iteration: int
    gap: float
    seconds: float
    estimate: Any
