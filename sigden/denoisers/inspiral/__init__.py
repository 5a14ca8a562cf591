"""Inspirals of compact binaries: a few-parameter family beside the free tracks."""

from sigden.denoisers.inspiral.denoiser import InspiralTracks
from sigden.denoisers.inspiral.estimate import estimate_signal

__all__ = ["InspiralTracks", "estimate_signal"]
