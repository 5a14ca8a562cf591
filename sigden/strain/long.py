"""A long record through the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from sigden.arrays import as_floating
from sigden.errors import InputError
from sigden.strain.checks import agreed_rate
from sigden.strain.denoiser import StrainDenoiser
from sigden.strain.excerpt import Excerpt
from sigden.strain.figures import RunningFigures
from sigden.strain.result import FIELDS, StrainResult
from sigden.strain.stream import StrainStream

__all__ = ["LONG_SECONDS", "LongRecord", "analyse_long"]

LONG_SECONDS = 256.0  # records beyond it are streamed: their noise changes
_STEP_SECONDS = 64.0
_FAST = 8192.0  # Hz; above it steps are halved, for memory
_HISTORY_SECONDS = 256.0


class LongRecord:
    """One channel of a long record denoised with a running noise spectrum, in constant memory.

    Parameters
    ----------
    method : StrainDenoiser
        What to do; whitened input needs its band.
    sample_rate : float, optional
        Samples per second, where the method does not say.
    t0 : float
        Time of the first sample in seconds.
    label : str
        Name for error messages.

    Raises
    ------
    InputError
        As of `StrainStream`.
    """

    def __init__(
        self,
        method: StrainDenoiser,
        *,
        sample_rate: float | None = None,
        t0: float = 0.0,
        label: str = "strain",
    ) -> None:
        rate = agreed_rate(method, sample_rate, label)
        step = _STEP_SECONDS / 2 if rate > _FAST else _STEP_SECONDS
        self._stream = StrainStream(
            method,
            sample_rate=rate,
            step_seconds=step,
            history_seconds=_HISTORY_SECONDS,
            t0=t0,
            label=label,
        )
        self._label = label
        self.step = round(step * rate)
        """Samples that are denoised at a time; blocks of this size waste no memory."""
        self._figures = RunningFigures(rate, self._stream.band, t0)
        self._excerpt = Excerpt(rate)

    def pieces(self, blocks: Iterable[Any]) -> Iterator[StrainResult]:
        """Denoise the record; to be called once.

        Parameters
        ----------
        blocks : iterable of array, shape (m,)
            Strain in order, of any lengths; NaN is a gap.

        Yields
        ------
        StrainResult
            What has become final, in order; joined they hold every sample once.

        Raises
        ------
        InputError
            As of `StrainStream.push` and `StrainStream.finish`, or if there are no samples.
        """
        for block in blocks:
            yield from map(self._seen, self._stream.push(block))
        yield from map(self._seen, self._stream.finish())
        if not self._figures.loudest >= 0:
            raise InputError(f"{self._label}: the record holds no samples")

    def _seen(self, piece: StrainResult) -> StrainResult:
        self._figures.add(piece.whitened, piece.whitened_denoised)
        self._excerpt.add(piece)
        return piece

    @property
    def figures(self) -> dict[str, float]:
        """Figures of merit of the record, once all pieces are out."""
        return self._figures.figures(self._stream.solver_gap, self._stream.solver_steps)

    @property
    def excerpt(self) -> StrainResult:
        """The samples around the loudest one of the estimate, with the figures of the record."""
        return self._excerpt.result(self.figures)


def analyse_long(
    method: StrainDenoiser,
    values: Any,
    *,
    sample_rate: float | None = None,
    t0: float = 0.0,
    label: str = "strain",
    progress: Callable[[int, int], None] | None = None,
) -> StrainResult:
    """Denoise one channel of a long record that is in memory, with a running noise spectrum.

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
        As of `LongRecord`.
    """
    x = as_floating(values, label)
    if x.ndim != 1:
        raise InputError(f"{label}: expected one channel of shape (n,), got {x.shape}")
    record = LongRecord(method, sample_rate=sample_rate, t0=t0, label=label)
    out = {name: np.empty(x.size) for name in FIELDS}
    done, last = 0, None
    for piece in record.pieces([x]):
        stop = done + piece.denoised.size
        for name in FIELDS:
            out[name][done:stop] = getattr(piece, name)
        done = stop
        last = last if np.isnan(piece.denoised).all() else piece
        if progress is not None:
            progress(done, x.size)
    if last is None:
        raise InputError(f"{label}: no stretch is long enough to be denoised")
    return StrainResult(
        **out,
        psd=last.psd,
        band=last.band,
        sample_rate=last.sample_rate,
        t0=t0,
        sigma=last.sigma,
        figures=record.figures,
        certificate=last.certificate,
    )
