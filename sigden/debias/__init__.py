"""Floor 5: corrections of predictions that are shrunken towards the mean."""

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import (
    CalibrationSet,
    CalibrationWarning,
    ExtrapolationWarning,
    calibration_set,
)
from sigden.debias.effects import Effect, difference_in_means, group_means, slope
from sigden.debias.fitted import FittedCalibration, LinearBasisCalibration
from sigden.debias.linear import LinearCalibration
from sigden.debias.sieve import SieveCalibration

__all__ = [
    "Calibration",
    "CalibrationSet",
    "CalibrationWarning",
    "Effect",
    "ExtrapolationWarning",
    "FittedCalibration",
    "LinearBasisCalibration",
    "LinearCalibration",
    "SieveCalibration",
    "calibration_set",
    "difference_in_means",
    "group_means",
    "slope",
]
