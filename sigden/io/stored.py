"""A strain series that stays in its file and is read a stretch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sigden.io.series import QualityVector, StrainSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StoredStrain"]


@dataclass(frozen=True, eq=False)
class StoredStrain:
    """Uniformly sampled strain of one detector in a file.

    Parameters
    ----------
    read : callable
        ``read(first, last)`` gives the samples of a half-open range, float64 in native byte order, NaN where
        there are no data.
    size : int
        Number of samples.
    sample_rate : float
        Samples per second, in Hz.
    t0 : float
        GPS time of the first sample, in s.
    name : str
        Name of the series in its file.
    channel : str or None
        Channel name, where the file states one.
    unit : str
        Unit of the values as astropy writes it; empty for dimensionless.
    quality : QualityVector or None
        Data-quality bits, where the file has them.
    """

    read: Callable[[int, int], NDArray[np.float64]] = field(repr=False)
    size: int
    sample_rate: float
    t0: float = 0.0
    name: str = "strain"
    channel: str | None = None
    unit: str = "strain"
    quality: QualityVector | None = field(default=None, repr=False)

    @classmethod
    def of(cls, series: StrainSeries) -> StoredStrain:
        """Series in memory, in the same form."""
        return cls(
            read=lambda first, last: series.values[first:last],
            size=len(series),
            sample_rate=series.sample_rate,
            t0=series.t0,
            name=series.name,
            channel=series.channel,
            unit=series.unit,
            quality=series.quality,
        )

    def __len__(self) -> int:
        return self.size

    @property
    def duration(self) -> float:
        """Length in s."""
        return self.size / self.sample_rate

    def series(self, first: int = 0, last: int | None = None) -> StrainSeries:
        """Samples of a half-open range in memory; all of them, with their quality vector, by default."""
        stop = self.size if last is None else last
        return StrainSeries(
            values=self.read(first, stop),
            sample_rate=self.sample_rate,
            t0=self.t0 + first / self.sample_rate,
            name=self.name,
            channel=self.channel,
            unit=self.unit,
            quality=self.quality if (first, stop) == (0, self.size) else None,
        )

    def stretches(self, samples: int) -> Iterator[NDArray[np.float64]]:
        """All samples in order, at most so many at a time."""
        for first in range(0, self.size, samples):
            yield self.read(first, min(first + samples, self.size))
