"""Chirp tracks as a denoiser of one-dimensional series in white noise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.arrays import is_numpy, namespace
from sigden.denoisers.base import Denoiser
from sigden.denoisers.prepare import as_rows, noise_per_row
from sigden.denoisers.tracks.error import standard_error
from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel, estimate_tracks
from sigden.errors import InputError, ParameterError
from sigden.noise import difference_sigma, mad_sigma
from sigden.solvers import Solution, Status

__all__ = ["ChirpTracks"]

_RATE = 0.5  # of the analytic series, in samples of the real one
_LEAST = 2.0**-23  # of half the range: noise that single precision, of which the series is, does not resolve


@dataclass(frozen=True, kw_only=True)
class ChirpTracks(Denoiser):
    """Oscillations whose frequency follows a track, in white noise.

    Parameters
    ----------
    lengths : tuple of float, default (16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)
        Lengths of the windows in samples; at each of them frequency and amplitude change little within a
        window, and the series is averaged over them by their evidence. Rounded to multiples of 8.
    births : float, default 3.0
        Tracks expected to begin in 1000 samples.
    deaths : float, default 1.0
        Ends expected for a track in 1000 samples.

    Notes
    -----
    For each length the series is cut into Hann windows a quarter of a length apart. In each the signal is at
    most one chirp of unknown frequency, chirp rate, amplitude and phase; from one window to the next these
    change little, tracks begin and end at random: a hidden Markov model, whose forward and backward pass
    gives the posterior of every chirp. The estimate is the posterior mean. Given its amplitude A, a
    coefficient c in unit noise has the likelihood ratio :math:`e^{-A^2} I_0(2 A |c|)` to noise and the
    posterior mean :math:`A\\, I_1(2A|c|) / I_0(2A|c|)\\, c/|c|`, so that loud signals lose no amplitude and
    noise is left at nearly zero. Paths through time and frequency after [1]_, their posterior after [2]_.
    Where a track was found, the residual is searched for another. The standard error is that of
    `sigden.denoisers.tracks.standard_error`.

    The mean of the series is kept as it is. Runs on NumPy arrays. Masked samples count as silence.

    References
    ----------
    .. [1] E. J. Candes, P. R. Charlton and H. Helgason, "Detecting highly oscillatory signals by chirplet
       path pursuit", Appl. Comput. Harmon. Anal. 24 (2008) 14.
    .. [2] L. R. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77 (1989) 257, section III.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import ChirpTracks
    >>> t = np.arange(2048) / 2048
    >>> chirp = 3 * np.sin(2 * np.pi * (40 * t + 100 * t**2))
    >>> noisy = chirp + np.random.default_rng(0).standard_normal(t.size)
    >>> bool(np.mean((ChirpTracks()(noisy, sigma=1.0) - chirp) ** 2) < 0.2)
    True
    """

    axes: ClassVar[str] = "(..., time)"

    lengths: tuple[float, ...] = (16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)
    births: float = 3.0
    deaths: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.lengths or not all(np.isfinite(v) and v >= 16 for v in self.lengths):
            raise ParameterError(f"lengths: at least one, each at least 16 samples, got {self.lengths}")
        for name in ("births", "deaths"):
            if not 0 < getattr(self, name) <= 1000.0 * 4 / max(self.lengths):
                raise ParameterError(
                    f"{name}: must be positive and at most one in a quarter of the longest window, "
                    f"got {getattr(self, name)}"
                )

    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """Denoise a plain array.

        Parameters
        ----------
        values : array of float32 or float64, shape (..., n)
            Real data.
        sigma : float or array of the batch shape, optional
            Standard deviation of the white noise; when absent, the smaller of the median absolute deviations
            of a row and of its differences: right for signals that are rare or slow.
        mask : array of bool, optional
            True where a sample is to be ignored.

        Returns
        -------
        Solution
            Closed form; `details` holds ``uncertainty`` (standard error) and ``presence``
            (probability of a track), both of the data's shape.

        Raises
        ------
        InputError
            If unmasked data are not finite (the index is named), the array is no NumPy array, or a row has
            fewer than 16 samples.
        """
        start = time.perf_counter()
        if not is_numpy(namespace(values)):
            raise InputError(f"{self.name()} runs on NumPy arrays only; copy the data to the host first")
        rows = as_rows(values, 1, mask)
        if rows.shape[1] < 16:
            raise InputError(f"input: {self.name()} needs at least 16 samples, got {rows.shape[1]}")
        masks = np.zeros(rows.shape, dtype=bool) if mask is None else np.reshape(mask, rows.shape)
        given = None if sigma is None else noise_per_row(sigma, values, 1)
        out = [
            _row(row, hidden, None if given is None else float(given[i]), self._model(), self._estimate)
            for i, (row, hidden) in enumerate(zip(rows, masks, strict=True))
        ]
        estimate, error, presence = (
            np.stack([o[k] for o in out]).reshape(values.shape).astype(rows.dtype) for k in range(3)
        )
        return Solution(
            estimate=estimate,
            status=Status.CONVERGED if np.isfinite(estimate).all() else Status.NON_FINITE,
            iterations=1,
            gap=0.0,
            seconds=time.perf_counter() - start,
            details={"uncertainty": error, "presence": presence, "certificate": "closed form"},
        )

    def _estimate(self, series: Any, model: TrackModel) -> TrackEstimate:
        """Estimate of an analytic series at half the rate."""
        return estimate_tracks(series, _RATE, (0.0, _RATE), model)

    def _model(self) -> TrackModel:
        return TrackModel(
            lengths=self.lengths,
            birth=self.births / 1000.0,
            death=self.deaths / 1000.0,
            horizon=2.5 * min(self.lengths),
        )


def _row(
    row: Any,
    hidden: Any,
    sigma: float | None,
    model: TrackModel,
    estimator: Callable[[Any, TrackModel], TrackEstimate],
) -> tuple[Any, Any, Any]:
    known = row[~hidden].astype(np.float64)
    nothing = np.zeros(row.size)
    if known.size == 0:
        return nothing, nothing, nothing
    if known.min() == known.max():
        return np.full(row.size, known[0]), nothing, nothing
    low, high = known.min(), known.max()
    unit = high / 2 - low / 2  # of order one, whatever the unit of the data
    z = np.where(hidden, 0.0, (row - low) / unit)
    centre = z[~hidden].mean()
    level = _level(z[~hidden]) if sigma is None else sigma / unit
    if level < _LEAST:
        return np.where(hidden, low + unit * centre, row), nothing, nothing
    z = np.where(hidden, 0.0, (z - centre) / level)
    n = z.size
    size = 2 * (n + max(64, math.ceil(max(model.lengths))))
    spectrum = np.fft.rfft(z, size)[: size // 2]
    spectrum[0] = 0.0
    # one-sided spectrum at half the rate: coefficients of unit noise have unit variance
    series = np.fft.ifft(spectrum) / np.sqrt(2.0)
    halves = (n + 1) // 2
    series = series[:halves].astype(np.complex64)
    found = estimator(series, model)
    back = np.zeros(size // 2 + 1, dtype=np.complex128)
    back[: size // 2] = np.fft.fft(found.signal * np.sqrt(2.0), size // 2)
    estimate = np.fft.irfft(back, size)[:n]
    times = np.arange(n) / 2
    # the masked samples' share of the noise is missing
    spread = standard_error(series, _RATE, found, model, power=float(np.mean(~hidden)))
    error = np.interp(times, np.arange(halves), math.sqrt(2.0) * spread)
    presence = np.interp(times, np.arange(halves), found.presence)
    return low + unit * (centre + level * estimate), unit * level * error, presence


def _level(z: Any) -> float:
    """Neither a slow signal, nor one that is rare, raises it."""
    return min(float(mad_sigma(z)), float(difference_sigma(z)))
