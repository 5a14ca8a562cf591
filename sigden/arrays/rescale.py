"""Shift and scale data to order one and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Scaling"]


@dataclass(frozen=True)
class Scaling:
    """Affine map to order one, ``z = (x - offset) / scale``.

    Parameters
    ----------
    offset, scale : array
        Broadcast against the data; `scale` is positive.

    Notes
    -----
    Strain at 1e-21 squared underflows float32: past this point everything is of order one.
    """

    offset: Any
    scale: Any

    def apply(self, x: Any) -> Any:
        """Data to order one."""
        return (x - self.offset) / self.scale

    def undo(self, z: Any) -> Any:
        """Order one back to data."""
        return z * self.scale + self.offset
