"""Where detectors heard what was no common signal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sigden.strain.aligned import Aligned
from sigden.strain.links import Link

__all__ = ["apart"]

_SECONDS = 0.12


def apart(streams: Aligned, alone: Any, errors: Any, links: Mapping[int, Link]) -> Any:
    """How far each moment is one that the detectors' own estimates tell better than a common signal.

    Parameters
    ----------
    streams : Aligned
        Whitened strain of the detectors.
    alone : numpy.ndarray, shape (detectors, k), complex
        Transforms of the estimates of the single detectors.
    errors : numpy.ndarray, shape (detectors, n)
        Their standard errors.
    links : mapping of int to Link
        Detectors that may hold a common signal.

    Returns
    -------
    numpy.ndarray, shape (n,)
        From 0, all of it common, to 1.

    Notes
    -----
    The streams of d detectors are turned into one that holds the common signal and d - 1 null streams that
    hold none of it. To take all for common errs by the power M that the null streams hold beyond noise; to
    keep the single estimates errs by their variance V there. M is the smaller of two estimates, both
    averaged over an eighth of a second: from the data, less their noise and one standard error, and from the
    single estimates, less twice V. The value is :math:`M^2 / (M^2 + V^2)`.
    """
    joint, responses = streams.joined(alone, links)
    template = responses[streams.first] * joint
    parts = {row: streams.transfer(row, link) * template for row, link in links.items()}
    energy = {row: streams.energy(part) for row, part in parts.items()}
    whole = sum(energy.values())
    low, high = streams.bands[streams.first]
    size = max(1, round(_SECONDS * streams.sample_rate))
    # two running means of this length average 3/2 of its independent samples
    scatter = math.sqrt((len(links) - 1) / (1.5 * _SECONDS * (high - low)))
    variance = _mean(((1.0 - energy[row] / whole) * errors[row] ** 2 for row in links), size)
    found = _mean(_rest(streams, alone, responses), size) - 2.0 * variance
    left = _mean(_rest(streams, streams.spectra, responses), size) - (len(links) - 1) - scatter
    power = np.maximum(np.minimum(found, left), 0.0)
    return power**2 / (power**2 + variance**2)


def _rest(streams: Aligned, spectra: Any, responses: Mapping[int, Any]) -> Iterable[Any]:
    """Squared samples of each detector without what all of them heard."""
    joint = sum(np.conj(r) * spectra[row] for row, r in responses.items())
    return (streams.series(spectra[row] - r * joint) ** 2 for row, r in responses.items())


def _mean(parts: Iterable[Any], size: int) -> Any:
    """Running mean of a sum."""
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(uniform_filter1d(sum(parts), size, mode="nearest"), size, mode="nearest")
