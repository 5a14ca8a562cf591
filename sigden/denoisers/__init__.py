"""Floor 3: denoisers D(y, sigma)."""

from sigden.denoisers.base import Denoiser
from sigden.denoisers.tv import ROF, RROF, TV1D

__all__ = ["ROF", "RROF", "TV1D", "Denoiser"]
