"""Chirp tracks and inspirals as a denoiser of one-dimensional series in white noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigden.denoisers.inspiral.estimate import estimate_signal
from sigden.denoisers.tracks import ChirpTracks, TrackEstimate, TrackModel

__all__ = ["InspiralTracks"]

_RATE = 0.5  # of the analytic series, in samples of the real one


@dataclass(frozen=True, kw_only=True)
class InspiralTracks(ChirpTracks):
    """Oscillations along free tracks or along the law of an inspiral, by their evidence, in white noise.

    Parameters
    ----------
    lengths : tuple of float, default (16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)
        Lengths of the tracks' windows in samples; a stretch of 200 times the shortest is looked at for an
        inspiral.
    births : float, default 3.0
        Tracks expected to begin in 1000 samples.
    deaths : float, default 1.0
        Ends expected for a track in 1000 samples.

    Notes
    -----
    Those of `ChirpTracks`, and beside them a compact binary that spirals in,
    :math:`A(f)\\,e^{-i\\psi(f)}` with the stationary phase [1]_

    .. math:: \\psi(f) = 2\\pi f t + \\varphi + \\frac{3}{32} v^{-5} \\sum_k c_k v^k, \\qquad
        v = (\\pi G M f / c^3)^{1/3}, \\qquad k = 0, 2, 3, 4, 6, 7.

    Its phase has eight free parameters, with wide normal priors around the post-Newtonian values of equal
    masses, which mergers and ringdowns fit too; its amplitude is a smooth function of ``log f``. About ten of
    the parameters are told by the data, a fourth of what tracks must learn of the same signal. The posterior
    is Laplace's approximation around the best fit; tracks are searched in what it leaves; the two
    hypotheses are averaged by their evidence, so that signals of other kinds keep their tracks.

    References
    ----------
    .. [1] A. Buonanno et al., "Comparison of post-Newtonian templates for compact binary inspiral signals",
       Phys. Rev. D 80 (2009) 084043, eq. 3.18.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import InspiralTracks
    >>> left = np.maximum(2000.0 - np.arange(2400), 1.0)  # samples to the end of an inspiral
    >>> truth = np.where(left > 6, 3 * left**-0.25 * np.cos(6.5 * left**0.625), 0.0)
    >>> noisy = truth + np.random.default_rng(0).standard_normal(truth.size)
    >>> bool(np.mean((InspiralTracks()(noisy, sigma=1.0) - truth) ** 2) < 0.03)
    True
    """

    def _estimate(self, series: Any, model: TrackModel) -> TrackEstimate:
        return estimate_signal(series, _RATE, (0.0, _RATE), model)
