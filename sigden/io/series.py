"""A strain series as it lies in a file, in plain arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import InputError

if TYPE_CHECKING:
    from gwpy.timeseries import TimeSeries
    from numpy.typing import ArrayLike, NDArray

__all__ = ["QualityVector", "StrainSeries"]


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class QualityVector:
    """Data-quality bits, one word per `1 / sample_rate` seconds, starting with the strain they describe.

    Parameters
    ----------
    bits : array of uint32, shape (m,)
        Bit i is set where the series passes check i.
    names : tuple of str
        Name of each bit, the lowest first (GWOSC: DATA, CBC_CAT1, ...).
    sample_rate : float
        Words per second, in Hz.
    """

    bits: NDArray[np.uint32]
    names: tuple[str, ...] = ()
    sample_rate: float = 1.0

    def __post_init__(self) -> None:
        bits = np.asarray(self.bits)
        if bits.ndim != 1 or not bits.size or bits.dtype.kind not in "iu":
            raise InputError(f"quality bits have shape {bits.shape}, dtype {bits.dtype}; 1-D integers needed")
        object.__setattr__(self, "bits", _frozen(bits.astype(np.uint32)))

    def failed(self, name: str) -> NDArray[np.bool_]:
        """True where the check `name` is not passed, shape (m,)."""
        if name not in self.names:
            raise InputError(f"no quality bit {name!r}; there are {', '.join(self.names) or 'none named'}")
        bit = np.uint32(1 << self.names.index(name))
        failed: NDArray[np.bool_] = (self.bits & bit) == 0
        return failed


@dataclass(frozen=True, eq=False)
class StrainSeries:
    """Uniformly sampled strain of one detector.

    Parameters
    ----------
    values : array of float64, shape (n,)
        Samples in native byte order; NaN where there are no data. Kept read-only.
    sample_rate : float
        Samples per second, in Hz.
    t0 : float
        GPS time of the first sample, in s.
    name : str
        Name of the series in its file.
    channel : str or None
        Channel name (``H1:GDS-CALIB_STRAIN``), where the file states one.
    unit : str
        Unit of the values as astropy writes it; empty for dimensionless.
    quality : QualityVector or None
        Data-quality bits, where the file has them.

    Raises
    ------
    InputError
        If the values are not one-dimensional real numbers or the sample rate is not positive and finite.
    """

    values: NDArray[np.float64]
    sample_rate: float
    t0: float = 0.0
    name: str = "strain"
    channel: str | None = None
    unit: str = "strain"
    quality: QualityVector | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.ndim != 1 or values.dtype.kind not in "fiu":
            raise InputError(
                f"{self.name}: values have shape {values.shape}, dtype {values.dtype}; "
                "1-D real numbers are needed"
            )
        for label in ("sample_rate", "t0"):
            number = float(getattr(self, label))
            if not math.isfinite(number) or (label == "sample_rate" and number <= 0):
                raise InputError(f"{self.name}: {label} is {number}; it must be finite, a rate above 0")
            object.__setattr__(self, label, number)
        object.__setattr__(self, "values", _frozen(values.astype(np.float64, copy=False)))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def duration(self) -> float:
        """Length in s."""
        return len(self.values) / self.sample_rate

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """True where the value is NaN, shape (n,): the mask a method ignores."""
        return np.isnan(self.values)

    @property
    def times(self) -> NDArray[np.float64]:
        """GPS time of every sample in s, shape (n,)."""
        return self.t0 + np.arange(len(self.values)) / self.sample_rate

    def flagged(self, *checks: str) -> NDArray[np.bool_]:
        """Samples in gaps or in a word that fails one of the named checks.

        Parameters
        ----------
        *checks : str
            Names of quality bits, for example ``DATA``.

        Returns
        -------
        array of bool, shape (n,)
            True where a sample is to be ignored.

        Raises
        ------
        InputError
            If checks are named but the series has no quality vector, or not that bit.
        """
        flagged = self.gaps
        if not checks:
            return flagged
        if self.quality is None:
            raise InputError(f"{self.name}: has no quality vector, so {', '.join(checks)} cannot be checked")
        word = np.arange(len(self.values)) * self.quality.sample_rate // self.sample_rate
        index = np.minimum(word.astype(np.intp), len(self.quality.bits) - 1)
        for check in checks:
            flagged = flagged | self.quality.failed(check)[index]
        return flagged

    def with_values(self, values: ArrayLike) -> StrainSeries:
        """The same series with other values of the same length."""
        array = np.asarray(values)
        if array.shape != self.values.shape:
            raise InputError(f"{self.name}: new values have shape {array.shape}, not {self.values.shape}")
        return replace(self, values=array)

    def to_gwpy(self) -> TimeSeries:
        """A gwpy TimeSeries with a copy of the values; the quality vector stays behind."""
        from sigden.io.gwf import to_gwpy

        return to_gwpy(self)

    @classmethod
    def from_gwpy(cls, series: TimeSeries) -> StrainSeries:
        """A series with a copy of the values of a gwpy TimeSeries."""
        from sigden.io.gwf import from_gwpy

        return from_gwpy(series)
