"""What a stream still needs of a stretch without a gap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigden.strain.local_estimate import LocalEstimate

__all__ = ["Stretch"]


@dataclass(eq=False)
class Stretch:
    """Stretch without a gap, with what is still needed of it; places count from the stream's start.

    Parameters
    ----------
    start : int
        Place of its first sample.
    at : int
        Place of ``raw[0]``.
    tracked : int
        Estimates exist up to here.
    kept : int
        Place of the first sample of `z`, `clean` and `error`.
    out : int
        Put out up to here.
    frame : int
        Place of the next segment of the spectrum.
    raw : numpy.ndarray
        Strain.
    z, clean, error : numpy.ndarray
        Whitened strain, its estimate without the ripple of the whitening, and standard error.
    """

    start: int
    at: int = -1
    tracked: int = -1
    kept: int = -1
    out: int = -1
    frame: int = -1
    raw: Any = field(default_factory=lambda: np.empty(0))
    z: Any = field(default_factory=lambda: np.empty(0))
    clean: Any = field(default_factory=lambda: np.empty(0))
    error: Any = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for name in ("at", "tracked", "kept", "out", "frame"):
            if getattr(self, name) < 0:
                setattr(self, name, self.start)

    @property
    def end(self) -> int:
        """Place after the last sample."""
        return self.at + int(self.raw.size)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.raw.nbytes + self.z.nbytes + self.clean.nbytes + self.error.nbytes)

    def append(self, z: Any, found: LocalEstimate, last: int) -> None:
        """Take in what was found up to the place `last`."""
        self.z = np.concatenate([self.z, z])
        self.clean = np.concatenate([self.clean, found.estimate])
        self.error = np.concatenate([self.error, found.uncertainty])
        self.tracked = last

    def forget(self, out: int, last: int, reach: int, memory: int) -> None:
        """Drop what no later window reaches."""
        self.out = out
        keep = max(self.at, min(last - reach, self.frame))
        self.raw, self.at = self.raw[keep - self.at :].copy(), keep
        keep = max(self.kept, out - memory)
        cut = keep - self.kept
        self.z, self.clean, self.error = (a[cut:].copy() for a in (self.z, self.clean, self.error))
        self.kept = keep

    def after(self, place: int) -> Stretch | None:
        """The rest of a stretch whose first part holds no estimate."""
        if place >= self.end:
            return None
        at = min(max(self.at, self.frame), place)
        return Stretch(place, at=at, frame=self.frame, raw=self.raw[at - self.at :].copy())
