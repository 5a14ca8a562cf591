"""Where detectors heard what was no common signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sigden.strain.aligned import Aligned
from sigden.strain.links import Link

__all__ = ["apart"]

_SECONDS = 0.05
_SURE = 1.0
_SIGMAS = 1.0


def apart(streams: Aligned, alone: Any, errors: Any, links: Mapping[int, Link]) -> Any:
    from scipy.ndimage import gaussian_filter1d

    _, responses = streams.joined(alone, links)
    whole = {row: streams.energy(alone[row]) for row in links}
    ours = _rest(streams, alone, responses)
    data = _rest(streams, streams.spectra, responses)
    free = {row: 1.0 - _share(streams, responses[row], alone[streams.first]) for row in links}
    low, high = streams.bands[streams.first]
    expected = len(links) - 1
    scatter = math.sqrt(expected / (2.0 * math.sqrt(math.pi) * _SECONDS * (high - low)))
    variance, found, left = (
        gaussian_filter1d(sum(parts), _SECONDS * streams.sample_rate, mode="nearest")
        for parts in (
            [free[row] * errors[row] ** 2 for row in links],
            [ours[row] ** 2 for row in links],
            [data[row] ** 2 for row in links],
        )
    )
    power = np.maximum(np.minimum(found - _SURE * variance, left - expected - _SIGMAS * scatter), 0.0)
    return power**2 / (power**2 + variance**2)


def _share(streams, response, template):
    return streams.energy(response * template) / streams.energy(template)


def _rest(streams: Aligned, spectra: Any, responses: Mapping[int, Any]) -> dict[int, Any]:
    """Samples of each detector without what all of them heard."""
    joint = sum(np.conj(r) * spectra[row] for row, r in responses.items())
    return {row: streams.series(spectra[row] - r * joint) for row, r in responses.items()}
