"""Sample rates: told by the file, by the caller or by a column of times, and made to agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigden.errors import FileError, ParameterError

__all__ = ["agree", "asked_rate", "finite", "positive", "rate_from_spacing", "rate_from_times"]

_RELATIVE = 1e-9
# rates in Hz and spacings in s beyond these are damage, not data
_SMALLEST, _LARGEST = 1e-12, 1e12


def asked_rate(sample_rate: float | None) -> float | None:
    """The caller's sample rate in Hz, checked to be positive and finite."""
    if sample_rate is None:
        return None
    rate = float(sample_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise ParameterError(f"sample_rate is {sample_rate}; it must be a finite number of Hz above 0")
    return rate


def rate_from_spacing(spacing: float) -> float:
    """Sample rate in Hz of a spacing in s, made whole where rounding explains the difference."""
    rate = 1.0 / spacing
    whole = float(round(rate))
    return whole if whole > 0 and abs(rate - whole) <= _RELATIVE * rate else rate


def positive(number: Any, where: str, what: str) -> float:
    """A number from a file that must be positive and finite."""
    try:
        value = float(number)
    except (TypeError, ValueError) as error:
        raise FileError(f"{where}: {what} is {number!r}, not a number") from error
    if not _SMALLEST <= value <= _LARGEST:
        raise FileError(f"{where}: {what} is {value}; it must be finite and above 0 (1e-12 to 1e12)")
    return value


def finite(number: Any, where: str, what: str) -> float:
    """A number from a file that must be finite."""
    try:
        value = float(number)
    except (TypeError, ValueError) as error:
        raise FileError(f"{where}: {what} is {number!r}, not a number") from error
    if not math.isfinite(value):
        raise FileError(f"{where}: {what} is {value}; it must be finite")
    return value


def agree(stated: float | None, asked: float | None, where: str) -> float:
    """The sample rate that file and caller agree on.

    Parameters
    ----------
    stated, asked : float or None
        Sample rate in Hz of the file and of the caller.
    where : str
        Path and object, for the message.

    Returns
    -------
    float
        Sample rate in Hz.

    Raises
    ------
    FileError
        If they differ or neither is known.
    """
    if stated is None:
        if asked is None:
            raise FileError(f"{where}: does not say its sample rate; give sample_rate (Hz)")
        return asked
    if asked is not None and not math.isclose(stated, asked, rel_tol=_RELATIVE):
        raise FileError(f"{where}: is sampled at {stated:g} Hz, but sample_rate={asked:g} was asked for")
    return stated


def rate_from_times(times: NDArray[np.float64], asked: float | None, where: str) -> tuple[float, float]:
    """Sample rate and start of a column of times, which must be uniform.

    Parameters
    ----------
    times : array, shape (n,)
        Times in s.
    asked : float or None
        Sample rate that the caller expects, in Hz.
    where : str
        Path and object, for the message.

    Returns
    -------
    rate : float
        Sample rate in Hz.
    t0 : float
        First time in s.

    Raises
    ------
    FileError
        If there are fewer than two times, they do not rise, are not uniform to 5 % of a sample, or their rate
        is not the one asked for.
    """
    if len(times) < 2:
        raise FileError(f"{where}: {len(times)} time(s) give no sample rate; at least 2 are needed")
    bad = np.flatnonzero(~np.isfinite(times))
    if len(bad):
        raise FileError(f"{where}: time {bad[0]} is {times[bad[0]]}")
    span = float(times[-1] - times[0])
    steps = np.diff(times)
    falls = np.flatnonzero(steps <= 0)
    if len(falls):
        index = int(falls[0])
        raise FileError(
            f"{where}: times must rise, but time {index + 1} is {times[index + 1]!r} after {times[index]!r}"
        )
    spacing = span / (len(times) - 1)
    deviation = np.abs(times - (times[0] + spacing * np.arange(len(times))))
    # a double holds a GPS time to 1.2e-7 s only, and times are printed with few digits
    rounding = 2.0 * float(np.spacing(np.abs(times).max()))
    if float(deviation.max()) > 0.05 * spacing + rounding:
        index = int(np.argmax(np.abs(steps - np.median(steps))))
        raise FileError(
            f"{where}: times are not uniform: step {index} is {steps[index]:.9g} s, the median "
            f"{float(np.median(steps)):.9g} s; resample or fill the gap with nan first"
        )
    rate = 1.0 / spacing
    slack = max(_RELATIVE, 2.0 * (float(deviation.max()) + rounding) / span)
    if asked is not None:
        if abs(rate - asked) > slack * rate:
            raise FileError(f"{where}: times are {rate:g} Hz apart, but sample_rate={asked:g} was asked for")
        return asked, float(times[0])
    whole = float(round(rate))
    return (whole if whole > 0 and abs(rate - whole) <= slack * rate else rate), float(times[0])
