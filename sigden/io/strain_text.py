"""Strain in text: CSV with a header, columns of numbers, and GWOSC's text files."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigden.errors import FileError
from sigden.io.limits import check_claim
from sigden.io.naming import by_key, detector_of, detector_of_file, listed
from sigden.io.sampling import agree, rate_from_times
from sigden.io.series import StrainSeries

__all__ = ["read_text_strain"]

#: Largest text that is read, in bytes (4096 s at 4096 Hz are 0.4 GiB).
MAX_TEXT_BYTES = 1024**3

_TIMES = ("time", "t", "gps", "gps_time", "times")
_VALUES = ("strain", "h", "data", "value", "values")
_GWOSC_RATE = re.compile(r"has (\d+(?:\.\d+)?) samples per second")
_GWOSC_START = re.compile(r"starting GPS (\d+(?:\.\d+)?)")
_GWOSC_DETECTOR = re.compile(r"\bfor ([A-Z]\d)\b")


@dataclass(frozen=True)
class _Table:
    """Columns of a text file and what its comments say."""

    columns: NDArray[np.float64]
    header: tuple[str, ...]
    comments: str


def read_text_strain(
    path: Path, channel: str | None, detector: str | None, sample_rate: float | None
) -> dict[str, StrainSeries]:
    """Strain of a text file; arguments and result as in `read_strain`.

    Notes
    -----
    One column is strain (the sample rate comes from the caller or from GWOSC's comment lines), two without a
    header are time and strain, more need a header. Lines that begin with ``#`` are comments; ``nan`` marks a
    gap.
    """
    table = _table(path, _text(path))
    time, value = _roles(path, table, channel)
    name = table.header[value] if table.header else "strain"
    where = f"{path}: {name}"
    if time is None:
        stated = _stated(_GWOSC_RATE, table.comments)
        rate, start = agree(stated, sample_rate, where), _stated(_GWOSC_START, table.comments) or 0.0
    else:
        rate, start = rate_from_times(table.columns[:, time], sample_rate, f"{path}: column of times")
    values = np.ascontiguousarray(table.columns[:, value])
    in_comments = _GWOSC_DETECTOR.search(table.comments)
    prefix = detector_of(name) or (in_comments.group(1) if in_comments else None) or detector_of_file(path)
    series = StrainSeries(values=values, sample_rate=rate, t0=start, name=name)
    return by_key([(prefix, series)], detector, path)


def _text(path: Path) -> str:
    """The whole text, unpacked where it is gzip, within the cap."""
    size = path.stat().st_size
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        check_claim(str(path), size, size, MAX_TEXT_BYTES)
        if not packed:
            raw = path.read_bytes()
        else:
            with gzip.open(path) as unpacked:
                raw = unpacked.read(MAX_TEXT_BYTES + 1)
            check_claim(str(path), len(raw), size, MAX_TEXT_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be read (cut short or damaged?): {error}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not text (UTF-8)") from error
    if "\0" in text:
        raise FileError(f"{path}: is not text (it has NUL characters)")
    return text


def _table(path: Path, text: str) -> _Table:
    comments, rows = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comments.append(stripped)
        elif stripped:
            rows.append((number, stripped))
    if not rows:
        raise FileError(f"{path}: holds no rows")
    delimiter = next((mark for mark in (",", ";", "\t") if mark in rows[0][1]), None)
    first = _fields(rows[0][1], delimiter)
    header = () if all(_number(field) is not None for field in first) else tuple(first)
    if header:
        rows = rows[1:]
        if not rows:
            raise FileError(f"{path}: holds a header but no rows")
    try:
        columns = np.loadtxt((row for _, row in rows), delimiter=delimiter, ndmin=2, comments=None)
    except ValueError as error:
        raise FileError(f"{path}: {_bad_row(rows, delimiter, len(first))}") from error
    if columns.shape[1] != len(first):
        raise FileError(f"{path}: {_bad_row(rows, delimiter, len(first))}")
    return _Table(columns, header, "\n".join(comments))


def _fields(row: str, delimiter: str | None) -> list[str]:
    return [field.strip().strip('"').strip("'") for field in row.split(delimiter)]


def _number(field: str) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None


def _bad_row(rows: list[tuple[int, str]], delimiter: str | None, width: int) -> str:
    """Words for the first row that is not `width` numbers."""
    for number, row in rows:
        fields = _fields(row, delimiter)
        if len(fields) != width:
            return f"line {number}: has {len(fields)} columns, not {width}"
        for place, field in enumerate(fields, start=1):
            if _number(field) is None:
                return f"line {number}: column {place} is {field[:40]!r}, not a number (write nan for a gap)"
    return "a row is not numbers"


def _roles(path: Path, table: _Table, channel: str | None) -> tuple[int | None, int]:
    """Column of times (or None) and column of values."""
    width = table.columns.shape[1]
    names = [name.lower() for name in table.header]
    time = next((names.index(name) for name in _TIMES if name in names), None)
    if channel is not None:
        if channel not in table.header:
            raise FileError(f"{path}: {channel}: no such column; it has {listed(table.header)}")
        return time, table.header.index(channel)
    if not names:
        if width > 2:
            raise FileError(
                f"{path}: has {width} columns and no header; one (strain) or two (time, strain) needed"
            )
        return (0, 1) if width == 2 else (None, 0)
    for name in _VALUES:
        if name in names:
            return time, names.index(name)
    rest = [index for index in range(width) if index != time]
    if len(rest) == 1:
        return time, rest[0]
    raise FileError(f"{path}: which column is strain? It has {listed(table.header)}; name one with channel=")


def _stated(pattern: re.Pattern[str], comments: str) -> float | None:
    match = pattern.search(comments)
    return float(match.group(1)) if match else None
