"""Floor 5: joint deconvolution of images in several bands."""

from sigden.multiband.field import FieldForward
from sigden.multiband.forward import CommensurateForward, forward_operator, transfer
from sigden.multiband.geometry import commensurate_factor, footprint
from sigden.multiband.grid import Grid
from sigden.multiband.joint_gradient import JointGradient
from sigden.multiband.joint_sparse import JointSparse
from sigden.multiband.joint_wiener import JointWiener
from sigden.multiband.local_colour import LocalColour
from sigden.multiband.nddata import observation_from_nddata, result_to_nddata
from sigden.multiband.observation import Observation, check_observations
from sigden.multiband.psf import (
    TruncatedPSFWarning,
    centre_psf,
    check_psf,
    crop_psf,
    gaussian_psf,
    normalise_psf,
    resample_psf,
)
from sigden.multiband.psf_spectrum import psf_transfer
from sigden.multiband.response import Mixture, fit_mixture, response_weights
from sigden.multiband.result import MultibandResult
from sigden.multiband.single import RichardsonLucy, Tikhonov, WienerDeconvolution

__all__ = [
    "CommensurateForward",
    "FieldForward",
    "Grid",
    "JointGradient",
    "JointSparse",
    "JointWiener",
    "LocalColour",
    "Mixture",
    "MultibandResult",
    "Observation",
    "RichardsonLucy",
    "Tikhonov",
    "TruncatedPSFWarning",
    "WienerDeconvolution",
    "centre_psf",
    "check_observations",
    "check_psf",
    "commensurate_factor",
    "crop_psf",
    "fit_mixture",
    "footprint",
    "forward_operator",
    "gaussian_psf",
    "normalise_psf",
    "observation_from_nddata",
    "psf_transfer",
    "resample_psf",
    "response_weights",
    "result_to_nddata",
    "transfer",
]
