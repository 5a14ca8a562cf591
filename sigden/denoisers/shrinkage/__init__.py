"""Shrinkage of the coefficients of redundant transforms of a line."""

from sigden.denoisers.shrinkage.spectrogram import SpectrogramDenoiser
from sigden.denoisers.shrinkage.wavelet import WaveletDenoiser

__all__ = ["SpectrogramDenoiser", "WaveletDenoiser"]
