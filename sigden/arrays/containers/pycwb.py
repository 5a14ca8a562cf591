"""pycWB TimeSeries: samples, start time and step, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sigden.arrays.containers.base import Sample, require_plain
from sigden.arrays.validate import as_floating
from sigden.errors import InputError


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values and time axis of a pycWB TimeSeries."""
    if type(data).__name__ != "TimeSeries":
        raise InputError(
            f"{label}: pycWB {type(data).__name__} is not a container sigden knows; give its TimeSeries"
        )
    require_plain(sigma, f"{label}: sigma")
    values = as_floating(np.asarray(data.data), label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        return replace(data, data=estimate)

    return Sample(
        values=values,
        rebuild=rebuild,
        sigma=sigma,
        sample_rate=1.0 / float(data.dt),
        t0=float(data.t0),
        label=label,
    )
