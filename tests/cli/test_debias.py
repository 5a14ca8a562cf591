import json
import re

import numpy as np
import pytest
from astropy.table import Table

from sigden import SieveCalibration
from sigden.io import read_table, write_table
from sigden.simulate import shrunken_predictions


@pytest.fixture
def tables(tmp_path):
    known = shrunken_predictions(400, seed=1)
    after, before = (shrunken_predictions(500, seed=s, shift=t) for s, t in ((2, 0.5), (3, 0.0)))
    Table({"id": np.arange(400), "yhat": known.predictions, "y": known.truth}).write(tmp_path / "cal.csv")
    new = np.concatenate([after.predictions, before.predictions])
    columns = {
        "id": np.arange(1000),
        "yhat": new,
        "arm": np.repeat([1, 0], 500),
        "chance": np.full(1000, 0.5),
        "field": np.arange(1000) % 50,
    }
    Table(columns).write(tmp_path / "new.csv")
    return tmp_path


COLUMNS = ("--prediction", "yhat", "--truth", "y")


def test_a_column_is_corrected_and_effects_are_told(sigden, tables):
    out = tables / "out.csv"
    files = tables / "cal.csv", tables / "new.csv"
    result = sigden("debias", *files, *COLUMNS, "--treated", "arm", "--out", out)
    known, new, corrected = (read_table(tables / f"{name}.csv") for name in ("cal", "new", "out"))
    fitted = SieveCalibration().fit(known["yhat"], known["y"])
    assert corrected.colnames[: len(new.colnames)] == new.colnames
    np.testing.assert_allclose(corrected["yhat_corrected"], fitted.predict(new["yhat"]), rtol=1e-12)
    assert "difference in means" in result.stdout
    assert result.stderr == ""


def test_a_file_of_several_tables_is_told_on_the_page_too(sigden, tables):
    from astropy.io import fits

    units = [fits.table_to_hdu(read_table(tables / f"{name}.csv")) for name in ("new", "cal")]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(tables / "new.fits")
    page = tables / "page.html"
    files = tables / "cal.csv", tables / "new.fits"
    result = sigden("debias", *files, *COLUMNS, "--out", tables / "out.fits", "--report", page)
    assert "Warning:" in result.stderr
    assert "new.fits: holds 2 tables; the first is read" in result.stderr
    assert "new.fits: holds 2 tables; the first is read" in page.read_text()


def test_json_holds_every_estimate(sigden, tables):
    options = ("--treated", "arm", "--propensity", "chance", "--by", "arm", "--slope", "chance_of")
    new = read_table(tables / "new.csv")
    new["chance_of"] = np.linspace(0, 1, 1000)
    new.write(tables / "new.csv", overwrite=True)
    result = sigden(
        "debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, *options, "--level", 0.9,
        "--method", "LinearCalibration", "--out", tables / "out.parquet", "--json",
    )  # fmt: skip
    record = json.loads(result.stdout)
    assert record["method"] == {"method": "LinearCalibration"}
    names = [effect["name"] for effect in record["effects"]]
    assert names == [
        "mean of yhat", "difference in means", "slope on chance_of",
        "mean where arm is 0", "mean where arm is 1",
    ]  # fmt: skip
    found = record["effects"][1]
    assert found["level"] == 0.9
    assert found["low"] < 0.5 < found["high"]
    assert record["diagnosis"]["n"] == 400


def test_the_page_shows_plots_and_tables(sigden, tables):
    page = tables / "page.html"
    sigden("debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--treated", "arm",
           "--out", tables / "out.csv", "--report", page, "--quiet")  # fmt: skip
    text = page.read_text()
    for heading in ("Effects", "Diagnosis", "Corrected against truth", "SieveCalibration"):
        assert heading in text
    assert text.count("<img ") == 3
    assert not re.search(r'(src|srcset|href)="(?!data:|#)', text)


def test_hierarchical_correction_by_a_method_file(sigden, tables):
    sample = shrunken_predictions(600, seed=5, groups=60, group_noise=0.05)
    columns = {"yhat": sample.predictions, "y": sample.truth, "village": sample.groups}
    Table(columns).write(tables / "cal.csv", overwrite=True)
    Table(columns).write(tables / "new.csv", overwrite=True)
    method = tables / "m.toml"
    method.write_text('method = "HierarchicalCalibration"\n')
    result = sigden(
        "debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--group", "village", "--method", method,
        "--out", tables / "out.csv", "--report", tables / "page.html", "--json",
    )  # fmt: skip
    record = json.loads(result.stdout)
    assert record["effects"][0]["errors"] == "bootstrap"
    assert record["diagnosis"]["groups"]["differ"]
    assert any("groups shrink less" in note for note in record["notes"])
    assert "yhat_corrected" in read_table(tables / "out.csv").colnames


def test_rows_without_truth_are_left_out_and_told(sigden, tables):
    lines = (tables / "cal.csv").read_text().splitlines()
    lines[4] = lines[4].rsplit(",", 1)[0] + ","
    (tables / "cal.csv").write_text("\n".join(lines) + "\n")
    result = sigden("debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--out", tables / "o.csv")
    assert "1 of 400 calibration rows lack prediction or truth" in result.stderr


def test_extrapolation_is_told_by_the_column_that_flags_it(sigden, tables):
    new = read_table(tables / "new.csv")
    new["yhat"][:300] += 100.0
    new.write(tables / "new.csv", overwrite=True)
    out = tables / "o.csv"
    result = sigden("debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--out", out)
    (line,) = (text for text in result.stderr.splitlines() if "outside the calibrated range" in text)
    column = re.search(r"the column (\w+) flags them$", line).group(1)
    assert np.count_nonzero(np.asarray(read_table(out)[column]) == "True") >= 300


def test_a_missing_prediction_stays_missing(sigden, tables):
    lines = (tables / "new.csv").read_text().splitlines()
    fields = lines[2].split(",")
    fields[1] = ""
    lines[2] = ",".join(fields)
    (tables / "new.csv").write_text("\n".join(lines) + "\n")
    out = tables / "o.csv"
    files = tables / "cal.csv", tables / "new.csv"
    result = sigden("debias", *files, *COLUMNS, "--treated", "arm", "--out", out, "--json")
    np.testing.assert_array_equal(np.flatnonzero(read_table(out)["yhat_corrected"].mask), [1])
    assert json.loads(result.stdout)["effects"][0]["n"] == 999
    assert "1 of 1000 new rows lack a prediction" in result.stderr


@pytest.mark.parametrize("option", ["--treated", "--by", "--slope"])
def test_a_missing_treatment_is_no_control(sigden, tables, option):
    names, *rows = (line.split(",") for line in (tables / "new.csv").read_text().splitlines())
    rows[5][names.index("arm")] = ""
    (tables / "new.csv").write_text("\n".join(",".join(row) for row in (names, *rows)) + "\n")
    files = tables / "cal.csv", tables / "new.csv"
    result = sigden("debias", *files, *COLUMNS, option, "arm", "--out", tables / "o.csv", code=2)
    assert "arm is missing in 1 rows" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "TV1D"), "TV1D is no correction"),
        (("--method", "SieveCalibrator"), "did you mean"),
        (("--treated", "who"), "no column 'who'"),
        (("--truth", "id2"), "no column 'id2'"),
        (("--slope", "word"), "--slope word: holds values that are not numbers"),
        (("--treated", "arm", "--propensity", "word"), "propensity: holds values that are not numbers"),
        (("--out", "o.txt"), "a table ends in"),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(sigden, tables, options, words):
    names, *rows = (tables / "new.csv").read_text().splitlines()
    (tables / "new.csv").write_text("\n".join([f"{names},word", *(f"{row},abc" for row in rows)]) + "\n")
    before = sorted(p.name for p in tables.iterdir())
    command = ["debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--out", tables / "o.csv"]
    result = sigden(*command, *options, code=2)
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert sorted(p.name for p in tables.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "HierarchicalCalibration"), "needs --group"),
        (("--propensity", "chance"), "--propensity goes with --treated"),
        (("--report", "./o.csv"), "--out and --report name the same file"),
    ],
)
def test_options_that_do_not_go_together_are_refused(sigden, tables, monkeypatch, options, words):
    monkeypatch.chdir(tables)
    command = ["debias", "cal.csv", "new.csv", *COLUMNS, "--out", "o.csv", *options]
    assert words in sigden(*command, code=2).stderr
    assert not (tables / "o.csv").exists()


def test_without_a_place_for_the_page_there_is_no_table(sigden, tables):
    command = ["debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--out", tables / "o.csv"]
    result = sigden(*command, "--report", tables / "none" / "page.html", code=2)
    assert "the folder" in result.stderr
    assert not (tables / "o.csv").exists()


def test_outputs_are_not_replaced_unless_told(sigden, tables):
    command = ["debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, "--out", tables / "o.csv"]
    (tables / "o.csv").write_text("mine")
    assert "exists already" in sigden(*command, code=2).stderr
    assert (tables / "o.csv").read_text() == "mine"
    sigden(*command, "--overwrite")
    assert "yhat_corrected" in (tables / "o.csv").read_text()


def test_groups_that_do_not_differ_are_no_slope_on_the_page(sigden, tables):
    for name, column in (("cal", "y"), ("new", "yhat")):
        table = read_table(tables / f"{name}.csv")
        table["street"] = np.argsort(np.argsort(table[column])) % 20
        write_table(tables / f"{name}.csv", table, overwrite=True)
    options = "--group", "street", "--out", tables / "o.csv", "--report", tables / "page.html"
    sigden("debias", tables / "cal.csv", tables / "new.csv", *COLUMNS, *options)
    page = (tables / "page.html").read_text()
    assert "groups do not differ in truth" in page
    assert "nan ±" not in page
