"""Figures of merit of denoised strain."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.noise import RunningDeviation

__all__ = ["RunningFigures"]


class RunningFigures:
    """Figures of merit of a record that comes in pieces, in constant memory.

    Parameters
    ----------
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.
    t0 : float
        Time of the first sample, s.
    """

    def __init__(self, sample_rate: float, band: tuple[float, float], t0: float) -> None:
        self._rate, self._band, self._t0 = sample_rate, band, t0
        self._samples, self._gaps, self._energy = 0, 0, 0.0
        self._loudest, self._place = -1.0, 0
        self._residual = RunningDeviation()

    @property
    def loudest(self) -> float:
        """Largest magnitude of the estimate so far; below zero where there was none."""
        return self._loudest

    def add(self, whitened: Any, estimate: Any) -> None:
        """Take the next samples in.

        Parameters
        ----------
        whitened, estimate : numpy.ndarray, shape (m,)
            Whitened strain and its estimate in units of the noise sigma; NaN in gaps.
        """
        known = ~np.isnan(whitened)
        self._gaps += whitened.size - int(known.sum())
        if known.any():
            size = np.where(known, np.abs(estimate), -1.0)
            place = int(np.argmax(size))
            if size[place] > self._loudest:
                self._loudest, self._place = float(size[place]), self._samples + place
            self._energy += float(np.sum(size[known] ** 2))
            self._residual.add((whitened - estimate)[known])
        self._samples += whitened.size

    def figures(self, gap: float, iterations: int) -> dict[str, float]:
        """Figures of what came in, at least one sample of it known.

        Parameters
        ----------
        gap : float
            Worst certificate of the solves.
        iterations : int
            Their iterations.

        Returns
        -------
        dict
            As `StrainResult.figures`.
        """
        independent = 2.0 * (self._band[1] - self._band[0]) / self._rate
        return {
            "loudest_time": self._t0 + self._place / self._rate,
            "loudest_sigma": self._loudest,
            "estimate_snr": float(np.sqrt(self._energy * independent)),
            "residual_sigma": self._residual.sigma(),
            "gap_fraction": self._gaps / self._samples,
            "solver_gap": gap,
            "solver_iterations": float(iterations),
        }
