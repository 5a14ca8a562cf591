"""Total variation in one, two and three dimensions."""

from sigden.denoisers.tv.rof import ROF
from sigden.denoisers.tv.rrof import RROF
from sigden.denoisers.tv.tv1d import TV1D

__all__ = ["ROF", "RROF", "TV1D"]
