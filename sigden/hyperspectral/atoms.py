"""Values that a band repeats too often: dead detectors and impulses that saturate."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["repeated_values"]

_LEAST, _RARE = 5, 100_000  # repeats of fewer, or fewer than one in so many, are left to chance
_NEIGHBOURS = 2  # distinct values on either side that tell how often a value should occur
_EXCESS = 8.0


def repeated_values(band: Any) -> list[float]:
    """Values that cannot be measurements.

    Parameters
    ----------
    band : ndarray
        Samples of one band, finite.

    Returns
    -------
    list of float
        Values that occur far more often than the distinct values next to them, while smaller and larger
        samples exist.

    Notes
    -----
    Quantised data repeat every value, and neighbouring levels about equally often. A detector that clips
    piles up samples at the end of its range, where they still tell that the signal was beyond it; such a
    value has nothing on one side and is kept. What remains reads the same whatever the signal is.
    """
    ordered = np.sort(band, axis=None)
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(first, ordered.size))
    top, least = int(counts.max()), max(_LEAST, ordered.size // _RARE)
    if top < least or counts.size < 3:
        return []
    out = []
    for k in np.flatnonzero(counts >= max(least, top // 50)):
        near = np.concatenate([counts[max(0, k - _NEIGHBOURS) : k], counts[k + 1 : k + 1 + _NEIGHBOURS]])
        usual = int(near.max())
        beyond = min(int(first[k]), ordered.size - int(first[k]) - int(counts[k]))
        if counts[k] > _EXCESS * usual and beyond >= _LEAST:
            out.append(float(ordered[first[k]]))
        if len(out) == 8:
            break
    return out
