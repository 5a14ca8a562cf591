"""Everything a strain denoiser found about one stretch of one detector."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigden.noise.psd import PowerSpectrum
from sigden.strain.filters import band_pass

__all__ = ["FIELDS", "StrainResult"]

FIELDS = ("denoised", "residual", "uncertainty", "whitened", "whitened_denoised", "whitened_uncertainty")
"""Names of the series of a result, all of its length."""


@dataclass(frozen=True)
class StrainResult:
    """Denoised strain of one detector with what it was made from.

    Parameters
    ----------
    denoised : numpy.ndarray, shape (n,)
        Estimate of the signal in the calibration of the input, limited to `band` as `in_band` does; NaN in
        gaps.
    residual : numpy.ndarray, shape (n,)
        What else the input holds in the band: input carried through the same whitening, band-pass and
        colouring, minus `denoised`; the noise-only part; NaN in gaps.
    uncertainty : numpy.ndarray, shape (n,)
        Standard error of `denoised`: that of the whitened estimate times the gain of the colouring where the
        signal was followed (`sigden.strain.propagation`); NaN in gaps.
    whitened : numpy.ndarray, shape (n,)
        Whitened, band-passed input in units of the noise sigma; NaN in gaps.
    whitened_denoised : numpy.ndarray, shape (n,)
        Estimate in the same units; NaN in gaps.
    whitened_uncertainty : numpy.ndarray, shape (n,)
        Its standard error, as an estimate of the signal whitened by `psd`; NaN in gaps.
    psd : PowerSpectrum or None
        One-sided noise PSD that whitened the input; None where the input came whitened.
    band : tuple of float
        Lower and upper edge in Hz.
    sample_rate : float
        Samples per second.
    t0 : float
        Time of the first sample in seconds.
    sigma : float
        Noise level by which the whitened, band-passed input was divided to make `whitened`.
    figures : dict
        Figures of merit: ``loudest_time`` (s) and ``loudest_sigma`` of the estimate, its in-band
        ``estimate_snr``, ``residual_sigma``, ``gap_fraction``, and ``solver_gap`` and ``solver_iterations``.
    certificate : str
        What ``solver_gap`` measures; "closed form", with a gap of zero, for chirp tracks.
    """

    denoised: Any
    residual: Any
    uncertainty: Any
    whitened: Any
    whitened_denoised: Any
    whitened_uncertainty: Any
    psd: PowerSpectrum | None
    band: tuple[float, float]
    sample_rate: float
    t0: float = 0.0
    sigma: float = 1.0
    figures: dict[str, float] = field(default_factory=dict)
    certificate: str = "closed form"

    def in_band(self, signal: Any) -> Any:
        """A signal as `denoised` would be without noise and error: what to hold against it.

        Strain in its calibration goes through the band-pass twice: once whitened, and once more when it has
        its colour again. Whitened input goes through it once.

        Parameters
        ----------
        signal : numpy.ndarray, shape (..., n)
            Signal in the calibration of the input, without gaps.

        Returns
        -------
        numpy.ndarray, same shape
            The signal in the band.

        Raises
        ------
        InputError
            If the samples are not finite or not a NumPy array.
        """
        once = band_pass(signal, self.sample_rate, self.band)
        return once if self.psd is None else band_pass(once, self.sample_rate, self.band)
