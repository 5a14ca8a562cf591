"""Floor 3: denoisers D(y, sigma)."""

from sigden.denoisers.base import Denoiser
from sigden.denoisers.inspiral import InspiralTracks
from sigden.denoisers.shrinkage import SpectrogramDenoiser, WaveletDenoiser
from sigden.denoisers.starlet import (
    Starlet,
    StarletTransform,
    inverse_starlet,
    scale_noise,
    starlet,
    starlet_adjoint,
)
from sigden.denoisers.tracks import ChirpTracks
from sigden.denoisers.tv import ROF, RROF, TV1D

__all__ = [
    "ROF",
    "RROF",
    "TV1D",
    "ChirpTracks",
    "Denoiser",
    "InspiralTracks",
    "SpectrogramDenoiser",
    "Starlet",
    "StarletTransform",
    "WaveletDenoiser",
    "inverse_starlet",
    "scale_noise",
    "starlet",
    "starlet_adjoint",
]
