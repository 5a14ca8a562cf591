"""Corrected predictions as columns of a table."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sigden.debias import (
    CalibrationWarning,
    FittedCalibration,
    FittedHierarchy,
    LinearBasisCalibration,
)
from sigden.errors import InputError
from sigden.io.tables import complete_column, masked_column, with_columns

__all__ = ["correct_table", "fit_table"]


def fit_table(method: Any, table: Any, *, prediction: str, truth: str, group: str | None = None) -> Any:
    """Learn a correction from two columns of a table.

    Parameters
    ----------
    method : Calibration
        What to fit.
    table : astropy.table.Table, pyarrow.Table, pandas.DataFrame or polars.DataFrame
        Calibration items.
    prediction, truth : str
        Names of their columns.
    group : str, optional
        Column of groups, as ``clusters`` of the fit.

    Returns
    -------
    FittedCalibration or FittedHierarchy
        As ``method.fit``.

    Raises
    ------
    InputError
        If a column is missing or cannot be used.

    Warns
    -----
    CalibrationWarning
        If rows without prediction or truth, missing or NaN, were left out.
    """
    clusters = None if group is None else complete_column(table, group, "calibration table")
    u, y = (masked_column(table, name, "calibration table") for name in (prediction, truth))
    missing = int(np.count_nonzero(np.ma.getmaskarray(u) | np.ma.getmaskarray(y)))
    if missing:
        warnings.warn(
            f"{missing} of {len(u)} calibration rows lack prediction or truth and were left out",
            CalibrationWarning,
            stacklevel=2,
        )
    return method.fit(u, y, clusters=clusters)


def correct_table(
    calibration: FittedCalibration | FittedHierarchy,
    table: Any,
    *,
    prediction: str,
    group: str | None = None,
    name: str | None = None,
) -> Any:
    """Add corrected predictions to a table.

    Parameters
    ----------
    calibration : FittedCalibration or FittedHierarchy
        The correction.
    table : astropy.table.Table, pyarrow.Table, pandas.DataFrame or polars.DataFrame
        New items.
    prediction : str
        Column of predictions.
    group : str, optional
        Column of groups, which a hierarchical correction needs.
    name : str, optional
        Name of the new column; the prediction's with ``_corrected`` by default.

    Returns
    -------
    table
        Of the same kind, with ``NAME``, ``NAME_extrapolated`` (true outside the calibrated range) and, where
        the correction has one, ``NAME_error``: the standard error of the correction itself, without the
        noise of the single prediction.

    Raises
    ------
    InputError
        If a column is missing, cannot be used, or is there already, or the calibration is none.
    """
    # a row without a prediction stays without one
    values = masked_column(table, prediction, "table")
    name = name or f"{prediction}_corrected"
    bound = calibration
    if isinstance(calibration, FittedHierarchy):
        if group is None:
            raise InputError("table: a hierarchical correction needs the column of groups")
        bound = calibration.at(complete_column(table, group, "table"))
    if not isinstance(bound, FittedCalibration):
        raise InputError(f"calibration: expected what a method's fit returns, got {type(bound).__name__}")
    new = {name: bound.predict(values), f"{name}_extrapolated": bound.extrapolated(values)}
    if isinstance(bound, LinearBasisCalibration):
        missing = np.ma.getmaskarray(values)
        error = np.where(missing, np.nan, bound.standard_error(values))
        new[f"{name}_error"] = np.ma.array(error, mask=missing) if missing.any() else error
    return with_columns(table, new)
