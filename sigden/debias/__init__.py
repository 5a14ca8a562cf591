"""Floor 5: corrections of predictions that are shrunken towards the mean."""

from sigden.debias.base import Calibration
from sigden.debias.baselines import BinnedCalibration, prediction_powered
from sigden.debias.bins import BinnedBias, binned_bias
from sigden.debias.calibration_set import (
    CalibrationSet,
    CalibrationWarning,
    ExtrapolationWarning,
    calibration_set,
)
from sigden.debias.diagnose import AssumptionWarning, Diagnosis, GroupDiagnosis, diagnose
from sigden.debias.effects import Effect, difference_in_means, group_means, slope
from sigden.debias.estimator import CorrectionRegressor
from sigden.debias.fitted import FittedCalibration, LinearBasisCalibration
from sigden.debias.hierarchical import FittedHierarchy, HierarchicalCalibration
from sigden.debias.linear import LinearCalibration
from sigden.debias.normal_means import NormalMeans, normal_means
from sigden.debias.normal_means_sure import sure_means
from sigden.debias.sieve import SieveCalibration
from sigden.debias.splitting import cross_fit
from sigden.debias.tweedie import MomentTweedie, TweedieCorrection

__all__ = [
    "AssumptionWarning",
    "BinnedBias",
    "BinnedCalibration",
    "Calibration",
    "CalibrationSet",
    "CalibrationWarning",
    "CorrectionRegressor",
    "Diagnosis",
    "Effect",
    "ExtrapolationWarning",
    "FittedCalibration",
    "FittedHierarchy",
    "GroupDiagnosis",
    "HierarchicalCalibration",
    "LinearBasisCalibration",
    "LinearCalibration",
    "MomentTweedie",
    "NormalMeans",
    "SieveCalibration",
    "TweedieCorrection",
    "binned_bias",
    "calibration_set",
    "cross_fit",
    "diagnose",
    "difference_in_means",
    "group_means",
    "normal_means",
    "prediction_powered",
    "slope",
    "sure_means",
]
