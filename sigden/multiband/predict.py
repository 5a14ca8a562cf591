"""What a result predicts for the data it was made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.forward.operator import forward_operator
from sigden.multiband.psf.spectrum import gaussian_sharpening, gaussian_transfer

__all__ = ["predict"]


def predict(
    result: MultibandResult,
    observations: Sequence[Observation],
    response: Mapping[str, Mapping[str, float]],
) -> list[Any]:
    """Images that a result predicts for observations.

    Parameters
    ----------
    result : MultibandResult
        Estimate at the target PSF.
    observations : sequence of Observation
        Images on the grid of the result, of its bands or of wide ones.
    response : mapping
        Weight of each band in every wide band.

    Returns
    -------
    list of numpy.ndarray
        One for each observation, in its pixels, to be compared with its `values`. NaN for a band that the
        result does not hold.

    Raises
    ------
    InputError
        If an observation does not overlap with the grid.
    ParameterError
        If a wide band mixes a band that the result does not hold.

    Notes
    -----
    The target PSF is taken out of the estimate by Fourier division where it passes more than a millionth,
    and the scene that is left goes through `forward_operator`, which hides again what the division enhanced.
    """
    from scipy import fft

    grid = result.grid
    sharpen = gaussian_sharpening(gaussian_transfer(grid.shape, grid.scale, result.target_fwhm))
    estimate = np.nan_to_num(np.asarray(result.estimate, dtype=np.float64))
    scene = fft.irfft2(fft.rfft2(estimate) * sharpen, s=grid.shape)
    out = []
    for one in observations:
        mix = dict(response.get(one.band, {one.band: 1.0}))
        unknown = sorted(set(mix) - set(result.bands))
        if unknown and one.band in response:
            raise ParameterError(f"response: {one.band} mixes {', '.join(unknown)}, which the result lacks")
        if unknown:
            out.append(np.full(one.shape, math.nan))
            continue
        mixed = sum(share * scene[result.bands.index(band)] for band, share in mix.items())
        out.append(np.asarray(forward_operator(one, grid)(np.asarray(mixed))))
    return out
