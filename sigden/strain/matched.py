"""First guess of what a detector heard of another one's signal, and the evidence that it did."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.strain.aligned import Aligned
from sigden.strain.links import Link

__all__ = ["match"]

_LARGEST = 4.0  # ratio of whitened amplitudes
_TINY = 1e-9


def match(streams: Aligned, alone: Any, row: int) -> tuple[Link, float]:
    """Link of a detector to the reference by each one's estimate in the other's data.

    Parameters
    ----------
    streams : Aligned
        Whitened strain of the detectors.
    alone : numpy.ndarray, shape (detectors, k), complex
        Transforms of the estimates of the single detectors.
    row : int
        The detector.

    Returns
    -------
    link : Link
        Delay, phase and ratio.
    evidence : float
        Half of the squared signal-to-noise ratio less the logarithm of the number of delays tried.
    """
    first, relative = streams.first, streams.relative[row]
    forth, back = relative * alone[first], alone[row] / relative
    delays, one = streams.filtered(forth, streams.spectra[row], streams.max_delay)
    _, two = streams.filtered(streams.spectra[first], back, streams.max_delay)
    length = math.sqrt(max(streams.energy(forth), _TINY))
    one = one / (length * math.sqrt(streams.noise(row)))
    two = two / math.sqrt(max(streams.energy(back), _TINY) * streams.noise(first))
    power, more = np.abs(one) ** 2, np.abs(two) ** 2
    # phases must agree
    total = np.where((one * two.conj()).real > 0, power + more, np.maximum(power, more))
    best = int(np.argmax(total))
    spread = max(high - low for low, high in streams.bands)
    trials = max(1.0, 4.0 * streams.max_delay * spread)
    evidence = float(total[best] / 2.0 - math.log(trials))
    a, b = complex(one[best]), complex(two[best])
    # each estimate says what both detectors hold of it, weighted by what the other one holds
    there = _heard(streams, alone, row) * abs(b) ** 2 + abs(a) ** 3
    here = _heard(streams, alone, first) * abs(a) ** 2 + abs(b) ** 3
    size = min(max(there / max(here, _TINY), 1.0 / _LARGEST), _LARGEST)
    size *= math.sqrt(streams.energy(alone[first])) / length
    return Link(float(delays[best]), size * (a + b) / max(abs(a + b), _TINY)), evidence


def _heard(streams: Aligned, alone: Any, row: int) -> float:
    """Signal-to-noise ratio of a detector's estimate in its own data."""
    product = streams.product(alone[row], streams.spectra[row])
    return max(product, 0.0) / math.sqrt(max(streams.energy(alone[row]), _TINY) * streams.noise(row))
