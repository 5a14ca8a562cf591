"""From strain to whitened, band-limited strain, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigden.noise import PowerSpectrum
from sigden.strain.filters import band_pass, notch
from sigden.strain.propagation import ErrorPropagation
from sigden.strain.ripple import Ripple
from sigden.strain.whitening import Whitening

__all__ = ["Conditioning"]


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What a noise spectrum and a band determine.

    Parameters
    ----------
    psd : PowerSpectrum or None
        One-sided density of the noise; None where the strain is white already.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.
    notches : tuple of float
        Lines that are taken out of the whitened strain, Hz.
    limited : bool
        Whether strain that is white already goes through the band-pass.
    impulse_seconds : float
        Half-length of the whitening filter.
    """

    psd: PowerSpectrum | None
    sample_rate: float
    band: tuple[float, float]
    notches: tuple[float, ...] = ()
    limited: bool = True
    impulse_seconds: float = 1.0
    _whitening: Whitening | None = field(init=False, default=None, repr=False)
    _ripple: Ripple | None = field(init=False, default=None, repr=False)
    _propagation: ErrorPropagation | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        if self.psd is None:
            return
        # the noise model does not depend on the length, which `resized` sets
        whitening = Whitening(self.psd, self.sample_rate, 2, impulse_seconds=self.impulse_seconds)
        ripple = Ripple(whitening.models[0], self.sample_rate, self.band)
        propagation = ErrorPropagation.of(ripple)
        derived = {"_whitening": whitening, "_ripple": ripple, "_propagation": propagation}
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def whitened(self, x: Any) -> Any:
        """Whitened strain in the band of a stretch without gaps, shape (n,), not scaled to unit variance."""
        if x.size < 2:
            return np.zeros_like(x)
        white = x if self._whitening is None else self._whitening.resized(x.size)(x)
        if self.notches:
            white = notch(white, self.sample_rate, self.notches)
        return band_pass(white, self.sample_rate, self.band) if self.limited else white

    def coloured(self, white: Any) -> Any:
        """Whitened samples, shape (..., n), in the calibration of the strain, limited to the band."""
        if self._whitening is None:
            return white
        if white.shape[-1] < 2:
            return np.zeros_like(white)
        # the seismic wall lifts what the filter's skirt let through, so the band is closed once more
        strain = self._whitening.resized(white.shape).inverse(white)
        return band_pass(strain, self.sample_rate, self.band)

    def without_ripple(self, white: Any) -> Any:
        """Whitened samples without the scatter and the lines of the spectrum, at the same noise level."""
        return white if self._ripple is None else self._ripple.taken_out(white)

    def with_ripple(self, smooth: Any) -> Any:
        """Estimate of a denoiser that was given `without_ripple`, whitened as the strain was."""
        return smooth if self._ripple is None else self._ripple.put_back(smooth)

    def coloured_error(self, smooth: Any, error: Any, start: int = 0) -> Any:
        """Standard error of the coloured estimate.

        Parameters
        ----------
        smooth : numpy.ndarray, shape (n,)
            Estimate of a denoiser that was given `without_ripple`.
        error : numpy.ndarray, shape (n,)
            Standard error of the whitened estimate, the one `with_ripple`.
        start : int
            Place of the first sample in its stretch without a gap.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Standard error in the calibration of the strain; `error` itself where the strain came whitened.
        """
        return error if self._propagation is None else self._propagation(smooth, error, start)

    def gain(self, size: int) -> Any:
        """Gain from strain to `without_ripple`, band-pass apart, at the frequencies of a real transform."""
        if self._whitening is None or self._ripple is None:
            return np.ones(size // 2 + 1)
        return np.abs(self._whitening.models[0].response(size)) * self._ripple.gain(size)
