"""Masked pixels of commensurate observations: predicted by the other data, again and again."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.scene_prior import ScenePrior

__all__ = ["estimate_unmasked"]

_TOLERANCE = 0.02
_MAX_ITER = 100


def estimate_unmasked(prior: ScenePrior, solver: FourierWiener) -> tuple[Any, list[Any]]:
    """Linear estimate that does not use masked pixels.

    Parameters
    ----------
    prior : ScenePrior
        Channels with their masks; masked pixels hold a first guess.
    solver : FourierWiener
        Closed form for complete data.

    Returns
    -------
    estimate : numpy.ndarray, shape (bands, rows, columns)
        At the target PSF.
    data : list of numpy.ndarray
        Image of each channel, masked pixels replaced by what the estimate predicts there.

    Notes
    -----
    Estimate and prediction are alternated until no masked pixel changes by more than 0.02 of its noise, at
    most 100 times: the expectation-maximisation scheme for missing data [1]_, whose fixed point is the
    estimate from the unmasked pixels alone, apart from the model error of wide bands.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
       algorithm", J. R. Stat. Soc. B 39 (1977), section 4.1.
    """
    data = [np.array(channel.data) for channel in prior.channels]
    estimate = solver.apply(data)
    masked = [(i, c) for i, c in enumerate(prior.channels) if c.mask is not None]
    for _ in range(_MAX_ITER if masked else 0):
        predicted = prior.predict(estimate)
        change = 0.0
        for i, channel in masked:
            new = predicted[i][channel.mask]
            change = max(change, float(np.abs(new - data[i][channel.mask]).max()) / channel.sigma)
            data[i][channel.mask] = new
        estimate = solver.apply(data)
        if change <= _TOLERANCE:
            break
    return estimate, data
