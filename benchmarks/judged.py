"""Thin callables for scoring sigden's defaults on known truth: public API, default parameters."""

from __future__ import annotations

from typing import Any

from sigden import (
    NPMLE,
    CoherentStrain,
    JointSparse,
    SieveCalibration,
    SpectrogramDenoiser,
    StrainDenoiser,
    SubspaceCollaborative,
    WaveletDenoiser,
)
from sigden.debias import difference_in_means
from sigden.debias.normal_means import normal_means as posterior_of_means
from sigden.multiband import Grid, Observation


def strain(x: Any, fs: float) -> Any:
    """One detector's whitened, band-passed strain in units of the noise sigma."""
    return StrainDenoiser(sample_rate=fs, whitened=True)(x)


def strain_wavelets(x: Any, fs: float) -> Any:
    """As `strain`, by stationary wavelets."""
    method = WaveletDenoiser(noise="coloured")
    return StrainDenoiser(sample_rate=fs, whitened=True, denoiser=method)(x)


def strain_spectrogram(x: Any, fs: float) -> Any:
    """As `strain`, by block shrinkage of spectrograms."""
    method = SpectrogramDenoiser(noise="coloured")
    return StrainDenoiser(sample_rate=fs, whitened=True, denoiser=method)(x)


def strain_joint(x: Any, fs: float) -> Any:
    """Whitened, band-passed strain of several detectors, shape (detectors, n)."""
    return CoherentStrain(sample_rate=fs, whitened=True)(x)


def multiband(problem: dict[str, Any]) -> Any:
    """Rubin r, i, z and Euclid VIS images of one scene to a cube at the target PSF on the VIS grid."""
    scale = problem["scale"]
    grid = Grid(shape=problem["vis"].shape, scale=scale)
    wide = Observation(problem["vis"], problem["psf_vis"], "VIS", sigma=problem["sigma_vis"], scale=scale)
    narrow = [
        Observation(
            problem["rubin"][i],
            problem["psf_rubin"][i],
            band,
            sigma=problem["sigma_rubin"][i],
            scale=2 * scale,
            offset=(scale / 2, scale / 2),
            psf_scale=scale,
        )
        for i, band in enumerate("riz")
    ]
    response = {"VIS": dict(zip("riz", problem["alpha"], strict=True))}
    method = JointSparse(target_fwhm=problem["target_fwhm"])
    return method([wide, *narrow], grid, response=response).estimate


def unshrink(calibration_predictions: Any, calibration_truth: Any, predictions: Any) -> Any:
    """Corrected predictions of new items."""
    return SieveCalibration().fit(calibration_predictions, calibration_truth).predict(predictions)


def ate(
    calibration_predictions: Any, calibration_truth: Any, predictions: Any, treated: Any
) -> tuple[float, float, float]:
    """Difference in means of the treated and the others, with its 95 % interval."""
    calibration = SieveCalibration().fit(calibration_predictions, calibration_truth)
    effect = difference_in_means(calibration, predictions, treated)
    return effect.estimate, effect.low, effect.high


def normal_means(x: Any, sigma: float) -> Any:
    """Means of many normal samples of one noise level."""
    return posterior_of_means(x, sigma).mean


def npmle(x: Any, sigma: float) -> Any:
    """As `normal_means`, by the prior of highest likelihood alone."""
    return NPMLE().fit(x, sigma).posterior_mean(x)


def hyperspectral(cube: Any) -> Any:
    """Denoised cube, shape (rows, columns, bands), from the noisy one alone."""
    return SubspaceCollaborative()(cube)
