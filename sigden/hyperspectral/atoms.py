"""Values that a band repeats too often: dead detectors and impulses that saturate."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace, to_numpy

__all__ = ["repeated_values"]

_LEAST, _RARE = 5, 100_000  # repeats of fewer, or fewer than one in so many, are left to chance
_NEIGHBOURS = 2  # distinct values on either side that tell how often a value should occur
_EXCESS = 8.0


def repeated_values(band: Any) -> list[float]:
    """Values that cannot be measurements.

    Parameters
    ----------
    band : array
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

    A band of another array library is copied to the host if any value repeats often enough to be looked into.
    """
    if not is_numpy(namespace(band)):
        band = _suspicious(band)
        if band is None:
            return []
    ordered = np.sort(band, axis=None)
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(first, ordered.size))
    top, least = int(counts.max()), _least(ordered.size)
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


def _least(size: int) -> int:
    """Repeats of a value from which it is looked into."""
    return max(_LEAST, size // _RARE)


def _suspicious(band: Any) -> Any:
    """Samples of a band on the host, or None if no value repeats so often."""
    xp = namespace(band)
    ordered = xp.sort(xp.reshape(band, (-1,)))
    least = _least(ordered.shape[0])
    if ordered.shape[0] < least or not bool(xp.any(ordered[least - 1 :] == ordered[: 1 - least])):
        return None
    return to_numpy(ordered)
