"""Figures of merit of denoised strain."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.noise import mad_sigma

__all__ = ["figures_of"]


def figures_of(
    whitened: Any,
    estimate: Any,
    *,
    sample_rate: float,
    band: tuple[float, float],
    t0: float,
    gap: float,
    iterations: int,
) -> dict[str, float]:
    """Figures of merit of a record.

    Parameters
    ----------
    whitened, estimate : numpy.ndarray, shape (n,)
        Whitened strain and its estimate in units of the noise sigma; NaN in gaps.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.
    t0 : float
        Time of the first sample, s.
    gap : float
        Worst certificate of the solves.
    iterations : int
        Their iterations.

    Returns
    -------
    dict
        As `StrainResult.figures`.
    """
    loudest = int(np.nanargmax(np.abs(estimate)))
    independent = 2.0 * (band[1] - band[0]) / sample_rate
    return {
        "loudest_time": t0 + loudest / sample_rate,
        "loudest_sigma": float(np.abs(estimate[loudest])),
        "estimate_snr": float(np.sqrt(np.nansum(estimate * estimate) * independent)),
        "residual_sigma": float(mad_sigma((whitened - estimate)[~np.isnan(whitened)])),
        "gap_fraction": float(np.mean(np.isnan(whitened))),
        "solver_gap": gap,
        "solver_iterations": float(iterations),
    }
