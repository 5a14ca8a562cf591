"""Momentum with adaptive restart, shared by FISTA and FGP."""

from __future__ import annotations

import math
from typing import Any, Literal

from sigden.errors import ParameterError
from sigden.functionals import inner

__all__ = ["Restart", "check_restart", "next_weight", "turns_back"]

Restart = Literal["gradient", "function", "none"]


def check_restart(restart: str, what: str) -> None:
    """Refuse an unknown restart scheme."""
    if restart not in ("gradient", "function", "none"):
        raise ParameterError(f"{what}: restart must be 'gradient', 'function' or 'none', got {restart!r}")


def next_weight(t: float) -> float:
    """Nesterov's sequence ``t' = (1 + sqrt(1 + 4 t^2)) / 2``."""
    return 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))


def turns_back(extrapolated: Any, new: Any, old: Any) -> bool:
    """Whether the momentum points uphill: ``<z - x', x' - x> > 0``."""
    return inner(extrapolated - new, new - old) > 0.0
