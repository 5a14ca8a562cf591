"""Floor 2: noise level, power spectral density, autoregressive noise."""

from sigden.noise.autoregressive import AutoregressiveModel
from sigden.noise.psd import PowerSpectrum, clean_stretches, welch_psd
from sigden.noise.running import RunningDeviation, RunningLevel, RunningSpectrum
from sigden.noise.sigma import difference_sigma, mad_sigma, wavelet_sigma

__all__ = [
    "AutoregressiveModel",
    "PowerSpectrum",
    "RunningDeviation",
    "RunningLevel",
    "RunningSpectrum",
    "clean_stretches",
    "difference_sigma",
    "mad_sigma",
    "wavelet_sigma",
    "welch_psd",
]
