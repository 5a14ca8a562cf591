"""A long record through the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.arrays import as_floating
from sigden.errors import InputError
from sigden.strain.denoiser import StrainDenoiser
from sigden.strain.figures import figures_of
from sigden.strain.result import StrainResult
from sigden.strain.stream import FIELDS, StrainStream

__all__ = ["LONG_SECONDS", "analyse_long"]

LONG_SECONDS = 256.0  # records beyond it are streamed: their noise changes
_STEP_SECONDS = 64.0
_HISTORY_SECONDS = 256.0


def analyse_long(
    method: StrainDenoiser,
    values: Any,
    *,
    sample_rate: float | None = None,
    t0: float = 0.0,
    label: str = "strain",
    progress: Callable[[int, int], None] | None = None,
) -> StrainResult:
    """Denoise one channel of a long record with a running noise spectrum.

    Parameters
    ----------
    method : StrainDenoiser
        What to do; whitened input needs its band.
    values : array, shape (n,)
        Strain; NaN is a gap.
    sample_rate : float, optional
        Samples per second, where the method does not say.
    t0 : float
        Time of the first sample in seconds.
    label : str
        Name for error messages.
    progress : callable, optional
        ``progress(done, total)`` in samples.

    Returns
    -------
    StrainResult
        As of `StrainDenoiser.analyse`; `psd` and `sigma` are those at the end of the record.

    Raises
    ------
    InputError
        As of `StrainStream`, or if nothing could be denoised.
    """
    x = as_floating(values, label)
    if x.ndim != 1:
        raise InputError(f"{label}: expected one channel of shape (n,), got {x.shape}")
    stream = StrainStream(
        method,
        sample_rate=sample_rate,
        step_seconds=_STEP_SECONDS,
        history_seconds=_HISTORY_SECONDS,
        t0=t0,
        label=label,
    )
    out = {name: np.empty(x.size) for name in FIELDS}
    done, last = 0, None

    def keep(pieces: list[StrainResult]) -> None:
        nonlocal done, last
        for piece in pieces:
            size = piece.denoised.size
            for name in FIELDS:
                out[name][done : done + size] = getattr(piece, name)
            done += size
            last = last if np.isnan(piece.denoised).all() else piece
            if progress is not None:
                progress(done, x.size)

    step = round(_STEP_SECONDS * stream.sample_rate)
    for first in range(0, x.size, step):
        keep(stream.push(x[first : first + step]))
    keep(stream.finish())
    if last is None:
        raise InputError(f"{label}: the record holds no samples")
    figures = figures_of(
        out["whitened"],
        out["whitened_denoised"],
        sample_rate=last.sample_rate,
        band=last.band,
        t0=t0,
        gap=stream.solver_gap,
        iterations=stream.solver_steps,
    )
    return StrainResult(
        **out,
        psd=last.psd,
        band=last.band,
        sample_rate=last.sample_rate,
        t0=t0,
        sigma=last.sigma,
        figures=figures,
    )
