"""HyperSpy signals, met through their own methods: the package is never imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.arrays.containers.base import Sample, require_plain
from sigden.arrays.validate import as_floating
from sigden.errors import InputError


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values of a signal, navigation axes first, the noise variance of its metadata, and the way back."""
    if not hasattr(data, "axes_manager"):
        raise InputError(f"{label}: a HyperSpy {type(data).__name__} is no signal")
    label = data.metadata.get_item("General.title", "") or label
    require_plain(sigma, f"{label}: sigma")
    values = as_floating(_plain(data), label)
    variance = data.get_noise_variance()
    if sigma is None and variance is not None:
        sigma = np.sqrt(np.asarray(_plain(variance), dtype=values.dtype))

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        out = _with_data(data, estimate)
        # the noise of the input is not that of the estimate
        out.set_noise_variance(None if uncertainty is None else _with_data(data, uncertainty**2))
        if provenance is not None:
            out.metadata.set_item("sigden", dict(provenance))
        return out

    return Sample(values=values, rebuild=rebuild, sigma=sigma, label=label, has_meta=True)


def arrange(
    data: Any, sigma: Any, mask: Any, label: str, spectral: bool
) -> tuple[Any, Any, Any, Callable[[Any], Any]]:
    """Refuse signals that are no spectra where spectra are needed; sigma and mask signals as plain arrays."""
    if spectral and data.axes_manager.signal_dimension != 1:
        raise InputError(
            f"{label}: a cube is a signal of spectra, one signal axis and two to navigate; this {data} has "
            f"{data.axes_manager.signal_dimension} signal axes, as_signal1D() names the spectral one"
        )
    return data, _plain(sigma), _plain(mask), lambda out: out


def _plain(signal: Any) -> Any:
    """Array of a signal, computed where it is lazy; anything else as it is."""
    if not hasattr(signal, "axes_manager"):
        return signal
    values = signal.data
    return values.compute() if hasattr(values, "compute") else values


def _with_data(signal: Any, values: Any) -> Any:
    """Copy of a signal with other values, in memory."""
    out = signal.deepcopy()
    if getattr(out, "_lazy", False):
        out.compute(progressbar=False)
    out.data = np.asarray(values)
    return out
