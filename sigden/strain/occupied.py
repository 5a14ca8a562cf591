"""The band that whitened strain was limited to."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.noise import welch_psd

__all__ = ["occupied_band"]

_RESOLUTION = 0.25
_HALF_AMPLITUDE = 0.25


def occupied_band(x: Any, sample_rate: float) -> tuple[float, float]:
    """Band in which whitened strain holds its power.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Whitened strain, band-passed or not; NaN is a gap.
    sample_rate : float
        Hz.

    Returns
    -------
    tuple of float
        Lower and upper edge in Hz, at half the amplitude of the plateau; 0 and half the sample rate where the
        strain was never band-passed.

    Raises
    ------
    InputError
        If the record is too short to tell: less than half a second.

    Notes
    -----
    The median Welch spectrum (0.25 s segments, 4 Hz bins) is flat within the band since the strain is white
    there; its level is the median over the bins within a factor ten of the 90th power-weighted percentile, so
    that lines do not set it.
    """
    if x.shape[-1] < 2 * _RESOLUTION * sample_rate:
        raise InputError(
            f"band: {x.shape[-1] / sample_rate:.3g} s are too few to find the band of whitened strain "
            f"({2 * _RESOLUTION:g} s needed); give band=(low, high)"
        )
    psd = welch_psd(x, sample_rate, segment_seconds=_RESOLUTION, window="hann")
    density = psd.density[1:-1]
    frequencies = psd.frequencies[1:-1]
    ordered = np.sort(density)
    typical = ordered[np.searchsorted(np.cumsum(ordered), 0.5 * ordered.sum())]
    plateau = np.median(density[density > 0.1 * typical])
    inside = np.flatnonzero(density > _HALF_AMPLITUDE * plateau)
    low = 0.0 if inside[0] == 0 else float(frequencies[inside[0]])
    high = sample_rate / 2 if inside[-1] == density.size - 1 else float(frequencies[inside[-1]])
    return low, high
