"""CSV and text."""

import gzip

import numpy as np
import pytest

from sigden.errors import FileError
from sigden.io import read_strain

VALUES = np.array([1.5, -2.0, np.nan, 4.0, 5e-21])


def text(path, content):
    path.write_text(content)
    return path


def columns(rate, t0, mark=",", digits=9, n=200):
    times = t0 + np.arange(n) / rate
    return "".join(f"{time:.{digits}f}{mark}{index}\n" for index, time in enumerate(times))


@pytest.mark.parametrize("mark", [",", ";", "\t", " ", "   "])
@pytest.mark.parametrize(
    "head", ["", "time{0}strain\n", "# comment\n\n", '"GPS"{0}"h"\n', "strain{0}other\n"]
)
def test_two_columns(tmp_path, mark, head):
    rows = columns(4096, 1126259462.0, mark)
    path = text(tmp_path / "x.csv", head.format(mark) + rows)
    if head.startswith("strain"):
        # a header that names no time makes the first column strain
        series = read_strain(path, sample_rate=4096)["strain"]
        assert series.values[0] == 1126259462.0
        return
    (series,) = read_strain(path).values()
    assert (series.sample_rate, series.t0) == (4096, 1126259462.0)
    np.testing.assert_array_equal(series.values, np.arange(200))


@pytest.mark.parametrize(("rate", "digits"), [(4096, 6), (16384, 7), (2.5, 3), (0.1, 1), (1000 / 3, 9)])
def test_rate_survives_printed_times(tmp_path, rate, digits):
    path = text(tmp_path / "x.txt", columns(rate, 1126259462.0, " ", digits))
    (series,) = read_strain(path).values()
    assert series.sample_rate == pytest.approx(rate, rel=1e-5)
    if rate >= 1 and float(rate).is_integer():
        assert series.sample_rate == rate
    (series,) = read_strain(path, sample_rate=rate).values()
    assert series.sample_rate == rate
    with pytest.raises(FileError, match="asked for"):
        read_strain(path, sample_rate=rate * 1.01)


def test_one_column(tmp_path):
    path = text(tmp_path / "x.txt", "\n".join(str(value) for value in VALUES))
    series = read_strain(path, sample_rate=16)["strain"]
    np.testing.assert_array_equal(series.values, VALUES)
    assert series.gaps.sum() == 1
    with pytest.raises(FileError, match="give sample_rate"):
        read_strain(path)


@pytest.mark.parametrize("packed", [False, True])
def test_gwosc_text(tmp_path, packed):
    content = (
        "# Gravitational wave strain for GW150914_R1 for H1 (see https://gwosc.org)\n"
        "# This file has 4096 samples per second\n"
        "# starting GPS 1126259447 duration 32\n" + "1e-21\n" * 100
    )
    path = tmp_path / ("x.txt.gz" if packed else "x.txt")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    series = read_strain(path)["H1"]
    assert (series.sample_rate, series.t0, len(series)) == (4096, 1126259447, 100)
    with pytest.raises(FileError, match="4096 Hz, but sample_rate=16384"):
        read_strain(path, sample_rate=16384)


def test_many_columns_need_names(tmp_path):
    path = text(tmp_path / "x.csv", "time,H1,L1\n0,1,10\n0.5,2,20\n1,3,30\n")
    with pytest.raises(FileError, match=r"which column is strain.*time, H1, L1"):
        read_strain(path)
    series = read_strain(path, channel="L1")["L1"]
    assert series.sample_rate == 2
    np.testing.assert_array_equal(series.values, [10, 20, 30])
    with pytest.raises(FileError, match="V1: no such column"):
        read_strain(path, channel="V1")
    with pytest.raises(FileError, match="no header"):
        read_strain(text(tmp_path / "y.csv", "0,1,10\n0.5,2,20\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("time,strain\n0,1\n1,2\n2,3\n4,4\n5,5\n", "not uniform: step 2 is 2 s"),
        ("time,strain\n0,1\n1,2\n1,3\n", "must rise, but time 2"),
        ("time,strain\n2,1\n1,2\n0,3\n", "must rise, but time 1"),
        ("time,strain\n0,1\nnan,2\n2,3\n", "time 1 is nan"),
        ("time,strain\n0,1\n", "at least 2"),
        ("time,strain\n0,1\n1,oops\n", "line 3: column 2 is 'oops'"),
        ("time,strain\n0,1\n1,\n", "line 3: column 2 is ''"),
        ("time,strain\n0,1\n1\n", "line 3: has 1 columns, not 2"),
        ("time,strain\n0,1,2\n1,2,3\n", "line 2: has 3 columns, not 2"),
        ("time,strain\n", "no rows"),
        ("# nothing\n\n", "no rows"),
        ("time,strain\n0,1\0\n", "NUL"),
    ],
)
def test_bad_tables(tmp_path, content, words):
    path = text(tmp_path / "x.csv", content)
    with pytest.raises(FileError, match=words) as caught:
        read_strain(path)
    assert str(path) in str(caught.value)


def test_text_that_is_no_text(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"\xff\xfe\x00\x01" * 10)
    with pytest.raises(FileError, match="not text"):
        read_strain(path)
    path.with_suffix(".txt.gz").write_bytes(gzip.compress(b"1\n2\n")[:-6])
    with pytest.raises(FileError, match="cut short"):
        read_strain(path.with_suffix(".txt.gz"))


def test_gzip_bomb(tmp_path):
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"0\n" * 20_000_000))
    with pytest.raises(FileError, match="200 to 1"):
        read_strain(path, sample_rate=16)


def test_kind_is_told_by_content_then_suffix(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(4.0))
    (tmp_path / "x.npy").rename(tmp_path / "array.txt")
    assert len(read_strain(tmp_path / "array.txt", sample_rate=16)["array"]) == 4
    with pytest.raises(FileError, match="not a known kind"):
        read_strain(text(tmp_path / "x.doc", "1\n2\n"))
    for suffix in ("npz", "npy", "gwf"):
        path = text(tmp_path / f"text.{suffix}", "1\n2\n")
        with pytest.raises(FileError) as caught:
            read_strain(path, sample_rate=16)
        assert str(path) in str(caught.value)
