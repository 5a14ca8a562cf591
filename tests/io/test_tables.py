import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from sigden import FileError, InputError
from sigden.debias import (
    CalibrationWarning,
    HierarchicalCalibration,
    LinearCalibration,
    SieveCalibration,
    TweedieCorrection,
)
from sigden.io import column, column_names, correct_table, fit_table, read_table, with_columns, write_table
from sigden.io.tables import complete_column
from sigden.simulate import shrunken_predictions

SAMPLE = shrunken_predictions(200, seed=1, groups=20)
COLUMNS = {"yhat": SAMPLE.predictions, "y": SAMPLE.truth, "village": SAMPLE.groups}


def frames():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    return {
        "pandas": pandas.DataFrame(COLUMNS, index=np.arange(200)[::-1]),
        "polars": polars.DataFrame(COLUMNS),
        "pyarrow": pyarrow.table(COLUMNS),
        "astropy": Table(COLUMNS),
    }


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "astropy"])
def test_columns_in_columns_out(kind):
    table = frames()[kind]
    fitted = fit_table(LinearCalibration(), table, prediction="yhat", truth="y")
    out = correct_table(fitted, table, prediction="yhat")
    assert type(out) is type(table)
    new = ("yhat_corrected", "yhat_corrected_extrapolated", "yhat_corrected_error")
    assert column_names(out) == (*COLUMNS, *new)
    assert column_names(table) == tuple(COLUMNS)
    expected = LinearCalibration().fit(SAMPLE.predictions, SAMPLE.truth)
    np.testing.assert_array_equal(column(out, "yhat_corrected"), expected.predict(SAMPLE.predictions))
    np.testing.assert_array_equal(
        column(out, "yhat_corrected_error"), expected.standard_error(SAMPLE.predictions)
    )
    assert not np.any(column(out, "yhat_corrected_extrapolated"))
    if kind == "pandas":
        np.testing.assert_array_equal(out.index, table.index)
    with pytest.raises(InputError, match="'yhat_corrected' is there already"):
        correct_table(fitted, out, prediction="yhat")
    with pytest.raises(InputError, match=r"no column 'z'; it has yhat, y, village"):
        correct_table(fitted, table, prediction="z")


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "astropy"])
def test_rows_with_nan_are_left_out_and_told_or_stay_nan(kind):
    frame = frames()[kind]
    truth, predictions = SAMPLE.truth.copy(), SAMPLE.predictions.copy()
    truth[:3] = predictions[2:5] = np.nan
    table = with_columns(frame, {"some": truth, "seen": predictions})
    with pytest.warns(CalibrationWarning, match="5 of 200 calibration rows lack prediction or truth"):
        fitted = fit_table(LinearCalibration(), table, prediction="seen", truth="some")
    assert len(fitted.calibration) == 195
    out = correct_table(fitted, table, prediction="seen")
    corrected = np.ma.filled(column(out, "seen_corrected"), np.nan)
    np.testing.assert_array_equal(np.isnan(corrected), np.isnan(predictions))


def test_missing_groups_are_refused():
    table = Table({**COLUMNS, "place": MaskedColumn(SAMPLE.groups, mask=np.arange(200) < 7)})
    with pytest.raises(InputError, match="calibration table: place is missing in 7 rows"):
        fit_table(HierarchicalCalibration(), table, prediction="yhat", truth="y", group="place")


@pytest.mark.parametrize("kind", ["string", "boolean", "category", "date", "dictionary"])
def test_a_missing_entry_of_any_kind_is_counted(kind):
    if kind == "dictionary":
        pyarrow = pytest.importorskip("pyarrow")
        whole = ["a", "b", "b", "a"]
        made = [pyarrow.array(v).dictionary_encode() for v in (["a", None, "b", "a"], whole)]
        some, whole = (pyarrow.table({"g": v}) for v in made)
        assert column(whole, "g").tolist() == ["a", "b", "b", "a"]
    else:
        pandas = pytest.importorskip("pandas")
        entry = {"boolean": True, "date": pandas.Timestamp("2020-01-01")}.get(kind, "a")
        dtype = "datetime64[ns]" if kind == "date" else kind
        some, whole = (
            pandas.DataFrame({"g": pandas.Series([entry, v, entry], dtype=dtype)}) for v in (None, entry)
        )
    assert len(complete_column(whole, "g")) == len(whole)
    with pytest.raises(InputError, match="g is missing in 1 rows"):
        complete_column(some, "g")


def test_a_row_without_prediction_has_no_error_of_its_correction():
    fitted = LinearCalibration().fit(SAMPLE.predictions, SAMPLE.truth)
    mask = np.arange(200) == 3
    out = correct_table(
        fitted, Table({"yhat": MaskedColumn(SAMPLE.predictions, mask=mask)}), prediction="yhat"
    )
    np.testing.assert_array_equal(out["yhat_corrected_error"].mask, mask)


def test_corrections_with_groups_and_without_errors():
    table = Table(COLUMNS)
    fitted = fit_table(HierarchicalCalibration(), table, prediction="yhat", truth="y", group="village")
    out = correct_table(fitted, table, prediction="yhat", group="village", name="best")
    np.testing.assert_array_equal(out["best"], fitted.predict(SAMPLE.predictions, SAMPLE.groups))
    assert "best_error" not in out.colnames
    with pytest.raises(InputError, match="column of groups"):
        correct_table(fitted, table, prediction="yhat")
    tweedie = fit_table(TweedieCorrection(), table, prediction="yhat", truth="y")
    assert "yhat_corrected_error" not in correct_table(tweedie, table, prediction="yhat").colnames


def test_series_come_out_as_they_were():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    expected = LinearCalibration().fit(SAMPLE.predictions, SAMPLE.truth).predict(SAMPLE.predictions)
    frame = frames()["pandas"]
    fitted = LinearCalibration().fit(frame["yhat"], frame["y"])
    out = fitted.predict(frame["yhat"])
    pandas.testing.assert_series_equal(out, pandas.Series(expected, index=frame.index, name="yhat"))
    series = polars.DataFrame(COLUMNS)["yhat"]
    out = fitted.predict(series)
    assert (type(out), out.name) == (polars.Series, "yhat")
    np.testing.assert_array_equal(out.to_numpy(), expected)
    with pytest.raises(InputError, match="non-finite"):
        fitted.predict(polars.Series("yhat", [1.0, None]))
    with pytest.raises(InputError, match="not numbers"):
        fitted.predict(pandas.Series(["a", "b"], dtype=object))
    with pytest.raises(InputError, match="one column"):
        fitted.predict(frame)


def test_columns_of_astropy_keep_unit_and_mask():
    mask = np.arange(200) == 3
    x = MaskedColumn(SAMPLE.predictions, name="yhat", mask=mask, unit="mag")
    y = MaskedColumn(SAMPLE.truth, name="y", unit="mag")
    fitted = SieveCalibration().fit(x, y)
    assert len(fitted.calibration) == 199
    out = fitted.predict(x)
    assert (type(out), out.unit, out.name) == (MaskedColumn, x.unit, "yhat")
    np.testing.assert_array_equal(out.mask, mask)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".ecsv", ".fits", ".parquet"])
def test_files_round_trip(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = write_table(tmp_path / f"t{suffix}", Table(COLUMNS))
    back = read_table(path)
    assert column_names(back) == tuple(COLUMNS)
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(np.asarray(column(back, name)), values)
    with pytest.raises(FileError, match="exists already"):
        write_table(path, Table(COLUMNS))
    more = with_columns(back, {"flag": SAMPLE.truth > 0})
    write_table(path, more, overwrite=True)
    assert column_names(read_table(path)) == (*COLUMNS, "flag")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_any_table_is_written(tmp_path, kind, suffix):
    path = write_table(tmp_path / f"t{suffix}", frames()[kind])
    np.testing.assert_array_equal(np.asarray(column(read_table(path), "yhat")), SAMPLE.predictions)


def test_an_empty_cell_is_masked(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1.5,2\n,3\n")
    np.testing.assert_array_equal(read_table(path)["a"].mask, [False, True])


def test_bad_files_are_named(tmp_path):
    with pytest.raises(FileError, match=r"ends in one of \.csv"):
        read_table(tmp_path / "t.xlsx")
    with pytest.raises(FileError, match="no such file"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,2,3\n")
    with pytest.raises(FileError, match="not a table"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.fits").write_bytes(b"SIMPLE")
    with pytest.raises(FileError):
        read_table(tmp_path / "t.fits")
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(FileError):
        read_table(tmp_path / "t.parquet")


def test_a_calibration_that_was_not_fitted_is_refused():
    with pytest.raises(InputError, match="calibration: expected what a method's fit returns, got str"):
        correct_table("sieve", Table({"yhat": np.arange(3.0)}), prediction="yhat")


@pytest.mark.parametrize("dtype", ["string", "boolean", "category", "datetime64[ns]", "Int64", "object"])
def test_what_pandas_misses_is_named(dtype):
    pandas = pytest.importorskip("pandas")
    values = {"boolean": [True, None, False], "Int64": [1, None, 2]}.get(dtype, ["2020", None, "2021"])
    table = pandas.DataFrame({"group": pandas.Series(values, dtype=dtype)})
    with pytest.raises(InputError, match="new table: group is missing in 1 rows"):
        complete_column(table, "group", "new table")
    assert len(complete_column(table, "group", rows=np.array([True, False, True]))) == 2
