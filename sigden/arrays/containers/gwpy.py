"""gwpy TimeSeries (TimeSeriesDict is a mapping of them)."""

from __future__ import annotations

from typing import Any

import numpy as np
from gwpy.timeseries import TimeSeries

from sigden.arrays.containers.astropy import sigma_in_unit, unpack as unpack_astropy
from sigden.arrays.containers.base import Sample
from sigden.arrays.validate import as_floating


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values, unit and time axis of a TimeSeries; other gwpy arrays are Quantities."""
    if not isinstance(data, TimeSeries):
        return unpack_astropy(data, sigma, label)
    label = data.name or label
    values = as_floating(np.asarray(data.value), label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        return type(data)(
            estimate, unit=data.unit, t0=data.t0, dt=data.dt, name=data.name, channel=data.channel
        )

    return Sample(
        values=values,
        rebuild=rebuild,
        sigma=sigma_in_unit(sigma, data.unit, label),
        unit=data.unit,
        sample_rate=float(data.sample_rate.to_value("Hz")),
        t0=float(data.t0.to_value("s")),
        label=label,
    )
