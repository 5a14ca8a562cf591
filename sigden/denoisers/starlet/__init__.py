"""Starlets: isotropic undecimated wavelets for images of the sky."""

from sigden.denoisers.starlet.denoiser import Starlet
from sigden.denoisers.starlet.operator import StarletTransform
from sigden.denoisers.starlet.transform import inverse_starlet, scale_noise, starlet, starlet_adjoint

__all__ = ["Starlet", "StarletTransform", "inverse_starlet", "scale_noise", "starlet", "starlet_adjoint"]
