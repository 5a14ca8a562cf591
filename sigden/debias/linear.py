"""Linear calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import CalibrationSet
from sigden.debias.fitted import LinearBasisCalibration

__all__ = ["Line", "LinearCalibration"]


@dataclass(frozen=True)
class Line:
    """Basis ``(1, u - centre)``.

    Parameters
    ----------
    centre : float
        Where the second function is zero.
    """

    centre: float

    def __call__(self, u: Any) -> Any:
        """Values of the basis, shape (n, 2)."""
        return np.stack([np.ones_like(u), u - self.centre], axis=1)


@dataclass(frozen=True, kw_only=True)
class LinearCalibration(Calibration):
    """Linear calibration correction (LCC): undo the slope of prediction on truth.

    Notes
    -----
    With ``E[Yhat | Y] = m + k Y`` on the calibration pairs, the corrected prediction is ``(Yhat - m) / k``
    (inverse regression, [1]_). It is exact where prediction and truth are jointly Gaussian, and biased by
    10 to 25 % of an effect where ``E[Yhat | Y]`` bends: `sigden.debias.diagnose` tells.

    References
    ----------
    .. [1] C. Osborne, "Statistical calibration: a review", Int. Stat. Rev. 59 (1991), section 2.
    """

    def fit_pairs(self, pairs: CalibrationSet) -> LinearBasisCalibration:
        """Learn the correction from checked pairs."""
        u, y = pairs.predictions, pairs.truth
        line = Line(float(u.mean()))
        design = line(u)
        t = y - y.mean()
        slope = float(t @ t / (t @ u))
        coefficients = np.array([y.mean(), slope])
        # moments E[(g - Y)] = 0 and E[(g - Y)(Y - mean)] = 0
        instruments = np.stack([np.ones_like(t), t], axis=1)
        residual = design @ coefficients - y
        jacobian = instruments.T @ design / t.size
        influence = -np.linalg.solve(jacobian, (instruments * residual[:, None]).T).T
        return LinearBasisCalibration(
            method=self,
            tuned=self,
            calibration=pairs,
            basis=line,
            coefficients=coefficients,
            influence=influence,
        )
