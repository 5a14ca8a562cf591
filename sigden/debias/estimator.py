"""A correction as an estimator of scikit-learn's conventions, without scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.sieve import SieveCalibration
from sigden.errors import InputError, ParameterError

__all__ = ["CorrectionRegressor"]


class CorrectionRegressor:
    """Estimator whose one feature is the prediction and whose target is the truth.

    Parameters
    ----------
    method : Calibration, optional
        Correction to fit; `SieveCalibration` by default.

    Attributes
    ----------
    fitted_ : FittedCalibration
        After `fit`.
    n_features_in_ : int
        1.

    Notes
    -----
    Methods of sigden are values, which `fit` does not change. scikit-learn wants the opposite, an object
    that holds its fit; this is it, for `Pipeline`, `clone` and `cross_val_predict`.
    """

    _estimator_type = "regressor"

    def __init__(self, method: Calibration | None = None) -> None:
        self.method = method

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters, and with `deep` those of the method as ``method__name``."""
        params: dict[str, Any] = {"method": self.method}
        if deep and self.method is not None:
            params |= {f"method__{name}": getattr(self.method, name) for name in self.method.parameters()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name."""
        if "method" in params:
            self.method = params.pop("method")
        changes = {}
        for key, value in params.items():
            prefix, _, name = key.partition("__")
            if prefix != "method" or not name:
                raise ParameterError(f"{key}: unknown parameter; known: method, method__NAME")
            changes[name] = value
        if changes:
            self.method = (self.method or SieveCalibration()).replace(**changes)
        return self

    def fit(self, X: Any, y: Any, *, clusters: Any = None) -> Self:
        """Learn the correction.

        Parameters
        ----------
        X : array, shape (n, 1) or (n,)
            Predictions.
        y : array, shape (n,)
            Truth.
        clusters : array of labels, shape (n,), optional
            Cluster of each pair.

        Returns
        -------
        CorrectionRegressor
            Itself.
        """
        self.fitted_ = (self.method or SieveCalibration()).fit(
            np.asarray(X), np.asarray(y), clusters=clusters
        )
        self.n_features_in_ = 1
        return self

    def predict(self, X: Any) -> Any:
        """Corrected predictions, shape (n,)."""
        if not hasattr(self, "fitted_"):
            raise InputError("CorrectionRegressor: fit it before predict")
        return self.fitted_.predict(np.asarray(X))

    def score(self, X: Any, y: Any) -> float:
        """Coefficient of determination, as regressors of scikit-learn have it."""
        truth = np.asarray(y, float)
        residual = truth - self.predict(X)
        spread = truth - truth.mean()
        return 1.0 - float(residual @ residual) / float(spread @ spread)

    def __sklearn_tags__(self) -> Any:
        """Tags that scikit-learn asks for; only it calls this."""
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(),
        )

    def __repr__(self) -> str:
        return f"CorrectionRegressor(method={self.method!r})"
