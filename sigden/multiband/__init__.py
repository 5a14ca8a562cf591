"""Floor 5: joint deconvolution of images in several bands."""

from sigden.multiband.after.bootstrap import bootstrap
from sigden.multiband.after.denoise import denoise_result
from sigden.multiband.after.denoised import Denoised
from sigden.multiband.apply import deconvolve
from sigden.multiband.data.geometry import commensurate_factor, footprint
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.nddata import observation_from_nddata, result_to_nddata
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.response import Mixture, fit_mixture, response_weights
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.forward.field import FieldForward
from sigden.multiband.forward.operator import CommensurateForward, forward_operator, transfer
from sigden.multiband.joint.error_map import model_variance
from sigden.multiband.joint.gradient import JointGradient
from sigden.multiband.joint.local_colour import LocalColour
from sigden.multiband.joint.registration import DisplacedImageWarning
from sigden.multiband.joint.scene_light import SceneLight, pooled_light
from sigden.multiband.joint.sparse import JointSparse
from sigden.multiband.joint.wiener import JointWiener
from sigden.multiband.predict import predict
from sigden.multiband.psf.images import (
    OffCentrePSFWarning,
    TruncatedPSFWarning,
    centre_psf,
    check_psf,
    crop_psf,
    gaussian_psf,
    normalise_psf,
    resample_psf,
)
from sigden.multiband.psf.spectrum import psf_transfer
from sigden.multiband.single.richardson_lucy import RichardsonLucy
from sigden.multiband.single.starlet import StarletDeconvolution
from sigden.multiband.single.tikhonov import Tikhonov
from sigden.multiband.single.wiener import WienerDeconvolution
from sigden.multiband.tiles.mosaic import Mosaic
from sigden.multiband.tiles.solve import deconvolve_tiles
from sigden.multiband.tiles.stamps import deconvolve_stamps

__all__ = [
    "CommensurateForward",
    "Denoised",
    "DisplacedImageWarning",
    "FieldForward",
    "Grid",
    "JointGradient",
    "JointSparse",
    "JointWiener",
    "LocalColour",
    "Mixture",
    "Mosaic",
    "MultibandResult",
    "Observation",
    "OffCentrePSFWarning",
    "RichardsonLucy",
    "SceneLight",
    "StarletDeconvolution",
    "Tikhonov",
    "TruncatedPSFWarning",
    "WienerDeconvolution",
    "bootstrap",
    "centre_psf",
    "check_observations",
    "check_psf",
    "commensurate_factor",
    "crop_psf",
    "deconvolve",
    "deconvolve_stamps",
    "deconvolve_tiles",
    "denoise_result",
    "fit_mixture",
    "footprint",
    "forward_operator",
    "gaussian_psf",
    "model_variance",
    "normalise_psf",
    "observation_from_nddata",
    "pooled_light",
    "predict",
    "psf_transfer",
    "resample_psf",
    "response_weights",
    "result_to_nddata",
    "transfer",
]
