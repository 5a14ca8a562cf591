"""Stretches of exactly equal samples: a detector that is off, not strain."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sigden.noise.psd import clean_stretches

__all__ = ["FlatStrainWarning", "FlatStretches", "flat_stretches", "without_flat"]

# noise of a detector that is on does not repeat itself; clipping and coarse digits do, but not for so long
_SECONDS = 1.0 / 16.0
_FEWEST = 32


class FlatStrainWarning(UserWarning):
    """Exactly equal samples follow each other for 1/16 s or longer and are taken for a gap."""


def flat_stretches(x: Any, sample_rate: float) -> Any:
    """Stretches of exactly equal samples that are longer than any of a detector that is on.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Strain; NaN equals nothing.
    sample_rate : float
        Hz.

    Returns
    -------
    numpy.ndarray of int, shape (count, 2)
        Half-open ranges of at least 1/16 s and 32 samples, in order.
    """
    runs = clean_stretches(x[1:] != x[:-1])
    runs[:, 1] += 1
    return runs[runs[:, 1] - runs[:, 0] >= _shortest(sample_rate)]


def without_flat(x: Any, sample_rate: float, label: str) -> Any:
    """Samples with NaN, a gap, in place of every flat stretch.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Float64 strain; NaN is a gap.
    sample_rate : float
        Hz.
    label : str
        Name for the warning.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The input itself where nothing is flat.

    Warns
    -----
    FlatStrainWarning
        If a stretch is flat; the message names the first, and the length of all.
    """
    runs = flat_stretches(x, sample_rate)
    if not len(runs):
        return x
    _warn(x[runs[0, 0]], runs, sample_rate, label)
    out = x.copy()
    for first, last in runs:
        out[first:last] = np.nan
    return out


class FlatStretches:
    """`without_flat` for samples that arrive in blocks, whatever the blocks.

    Parameters
    ----------
    sample_rate : float
        Hz.
    label : str
        Name for warnings.
    """

    def __init__(self, sample_rate: float, label: str) -> None:
        self._rate, self._label = sample_rate, label
        self._held: Any = np.empty(0)
        self._place = 0  # of the first sample that is held
        self._flat: tuple[int, float] | None = None  # start and value of a stretch that may go on

    @property
    def held(self) -> int:
        """Samples that are kept back: equal ones that more may follow."""
        return int(self._held.size)

    @property
    def most(self) -> int:
        """Most samples that may be kept back: one fewer than a flat stretch has."""
        return _shortest(self._rate) - 1

    def take(self, x: Any) -> Any:
        """Take samples in.

        Parameters
        ----------
        x : numpy.ndarray, shape (m,)
            Float64 strain; NaN is a gap.

        Returns
        -------
        numpy.ndarray
            What is decided, in order: the samples held before come first.

        Warns
        -----
        FlatStrainWarning
            Once a flat stretch has ended.
        """
        on = 0
        if self._flat is not None:
            other = np.flatnonzero(x != self._flat[1])
            on = int(other[0]) if other.size else x.size
            self._place += on
            if on < x.size:
                self._ended(*self._flat)
        rest = np.concatenate([self._held, x[on:]])
        runs = flat_stretches(rest, self._rate)
        last = _last_run(rest)
        ends = bool(len(runs)) and int(runs[-1, 0]) == last
        if ends:
            self._flat = (self._place + last, float(rest[-1]))
            last = rest.size
        whole = runs[:-1] if ends else runs
        if len(whole):
            _warn(rest[whole[0, 0]], whole, self._rate, self._label, self._place)
        for first, stop in runs:
            rest[first:stop] = np.nan
        self._held = rest[last:]
        self._place += last
        return np.concatenate([np.full(on, np.nan), rest[:last]])

    def rest(self) -> Any:
        """What is held, once nothing follows."""
        if self._flat is not None:
            self._ended(*self._flat)
        out, self._held = self._held, np.empty(0)
        self._place += out.size
        return out

    def _ended(self, start: int, value: float) -> None:
        self._flat = None
        _warn(value, np.array([[start, self._place]]), self._rate, self._label)


def _shortest(sample_rate: float) -> int:
    return max(_FEWEST, round(_SECONDS * sample_rate))


def _last_run(x: Any) -> int:
    """Start of the equal samples at the end; the length where the last one is NaN."""
    if not x.size or np.isnan(x[-1]):
        return int(x.size)
    other = np.flatnonzero(x != x[-1])
    return int(other[-1]) + 1 if other.size else 0


def _warn(value: float, runs: Any, sample_rate: float, label: str, place: int = 0) -> None:
    lengths = (runs[:, 1] - runs[:, 0]) / sample_rate
    where = f"{lengths[0]:.4g} s of samples that all equal {value:g}, from sample {place + runs[0, 0]} on"
    if len(runs) > 1:
        where = f"{len(runs)} stretches, {lengths.sum():.4g} s in all, of equal samples; the first: {where}"
    warnings.warn(
        f"{label}: {where}; taken for a gap, since no detector that is on gives them (NaN in their place "
        "says so without a warning)",
        FlatStrainWarning,
        stacklevel=3,
    )
