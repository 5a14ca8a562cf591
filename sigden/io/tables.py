"""Tables with named columns: files in and out, and columns of any kind of table in memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError, InputError, MissingExtraError
from sigden.io.atomic import atomic_path
from sigden.io.fits_units import open_fits
from sigden.io.limits import check_claim
from sigden.io.regular import require_regular

__all__ = [
    "column",
    "column_names",
    "complete_column",
    "masked_column",
    "read_table",
    "table_kind",
    "with_columns",
    "write_table",
]

#: Largest table in text that is read, in bytes.
MAX_TEXT_BYTES = 1024**3

_FORMATS = {".csv": "ascii.csv", ".tsv": "ascii.tab", ".ecsv": "ascii.ecsv", ".fits": "fits"}
_PARQUET = (".parquet", ".pq")


def table_kind(path: str | os.PathLike[str]) -> str:
    """Format of a table by the end of its name.

    Parameters
    ----------
    path : path
        Name of a file.

    Returns
    -------
    str
        ``"parquet"`` or the name of astropy's format.

    Raises
    ------
    FileError
        If the end of the name is not known.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _PARQUET:
        return "parquet"
    if suffix not in _FORMATS:
        known = ", ".join([*_FORMATS, *_PARQUET])
        raise FileError(f"{path}: a table ends in one of {known}")
    return _FORMATS[suffix]


def read_table(path: str | os.PathLike[str]) -> Any:
    """Table of a file.

    Parameters
    ----------
    path : path
        CSV, TSV, ECSV, FITS or Parquet.

    Returns
    -------
    astropy.table.Table or pyarrow.Table
        The latter for Parquet.

    Raises
    ------
    FileError
        If the file cannot be read or claims too much.
    MissingExtraError
        If a Parquet file is given and pyarrow is not installed.
    """
    kind = table_kind(path)
    where = Path(path)
    require_regular(where)
    try:
        size = where.stat().st_size
        check_claim(str(where), size, size, MAX_TEXT_BYTES)
        if kind == "parquet":
            return _read_parquet(where, size)
        if kind == "fits":
            return _read_fits(where)
        from astropy.table import Table

        return Table.read(where, format=kind, guess=False)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{where}: cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise FileError(f"{where}: is not a table in this format: {error}") from error


def write_table(path: str | os.PathLike[str], table: Any, *, overwrite: bool = False) -> Path:
    """Write a table, whole or not at all.

    Parameters
    ----------
    path : path
        CSV, TSV, ECSV, FITS or Parquet, by the end of its name.
    table : astropy.table.Table, pyarrow.Table, pandas.DataFrame or polars.DataFrame
        What is written.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileError
        If the file exists and `overwrite` is false, or it cannot be written.
    MissingExtraError
        If Parquet is asked for and pyarrow is not installed.
    """
    kind = table_kind(path)
    target = Path(path)
    with atomic_path(target, overwrite=overwrite) as temporary:
        if kind == "parquet":
            _parquet().write_table(_to_arrow(table), temporary)
        else:
            _to_astropy(table).write(temporary, format=kind, overwrite=True)
    return target


def column_names(table: Any) -> tuple[str, ...]:
    """Names of the columns of a table, in order."""
    if _is_astropy(table):
        return tuple(table.colnames)
    return tuple(_narwhals().from_native(table, eager_only=True).columns)


def column(table: Any, name: str, what: str = "table") -> Any:
    """One column of a table.

    Parameters
    ----------
    table : astropy.table.Table, pyarrow.Table, pandas.DataFrame or polars.DataFrame
        Any that narwhals knows, or astropy's.
    name : str
        Name of the column.
    what : str
        Name of the table, for the message.

    Returns
    -------
    numpy.ndarray, or Column or MaskedColumn of astropy
        Values; missing numbers of other tables are NaN.

    Raises
    ------
    InputError
        If there is no such column.
    """
    names = column_names(table)
    if name not in names:
        raise InputError(f"{what}: no column {name!r}; it has {', '.join(names) or 'none'}")
    if _is_astropy(table):
        return table[name]
    series = _narwhals().from_native(table, eager_only=True)[name]
    native = series.to_native()
    if hasattr(getattr(native, "type", None), "value_type") and hasattr(native.type, "index_type"):
        # of a dictionary of pyarrow narwhals gives the next entry for a missing one
        return np.asarray(native.cast(native.type.value_type).to_numpy())
    return np.asarray(series.to_numpy())


def masked_column(table: Any, name: str, what: str = "table") -> Any:
    """One column of numbers, masked where one is missing or NaN.

    Parameters
    ----------
    table, name, what
        As of `column`.

    Returns
    -------
    numpy.ndarray, MaskedArray, Column or MaskedColumn
        As `column`; masked only where there is something to mask.

    Raises
    ------
    InputError
        If there is no such column.
    """
    values = column(table, name, what)
    array = np.asarray(values)
    nan = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    if not nan.any():
        return values
    mask = nan | np.ma.getmaskarray(values)
    if not _is_astropy(table):
        return np.ma.array(array, mask=mask)
    from astropy.table import Column, MaskedColumn

    # a Quantity has masks of its own kind; its NaN stays what it is
    return MaskedColumn(values, mask=mask) if isinstance(values, Column) else values


def complete_column(table: Any, name: str, what: str = "table", rows: Any = slice(None)) -> Any:
    """One column in which nothing is missing.

    Parameters
    ----------
    table, name, what
        As of `column`.
    rows : slice or array of bool
        Rows that count.

    Returns
    -------
    numpy.ndarray
        Values of these rows.

    Raises
    ------
    InputError
        If there is no such column, or a value is missing.
    """
    values = column(table, name, what)
    array = np.asarray(values)
    missing = np.ma.getmaskarray(values)
    if array.dtype.kind == "f":
        missing = missing | np.isnan(array)
    elif array.dtype.kind in "mM":
        missing = missing | np.isnat(array)
    elif array.dtype.kind == "O":
        missing = missing | np.array([_absent(value) for value in array], dtype=bool)
    array, missing = array[rows], missing[rows]
    if missing.any():
        raise InputError(
            f"{what}: {name} is missing in {missing.sum()} rows; fill it or leave these rows out"
        )
    return array


def _absent(value: Any) -> bool:
    """Whether an entry is None, a NaN, which differs from itself, or the NA of pandas."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def with_columns(table: Any, columns: Mapping[str, Any]) -> Any:
    """The same kind of table with more columns.

    Parameters
    ----------
    table : astropy.table.Table, pyarrow.Table, pandas.DataFrame or polars.DataFrame
        Left as it is.
    columns : mapping of str to array
        New columns.

    Returns
    -------
    table
        Copy with the new columns at the end; the index of a pandas frame is kept.

    Raises
    ------
    InputError
        If a name is taken.
    """
    taken = sorted(set(columns) & set(column_names(table)))
    if taken:
        raise InputError(f"table: column {taken[0]!r} is there already; rename it first")
    if _is_astropy(table):
        out = table.copy()
        for name, values in columns.items():
            out[name] = values
        return out
    narwhals = _narwhals()
    frame = narwhals.from_native(table, eager_only=True)
    backend = narwhals.get_native_namespace(frame)
    new = [narwhals.new_series(name, np.asarray(v), backend=backend) for name, v in columns.items()]
    if hasattr(table, "index"):
        # narwhals aligns pandas by its index
        new = [narwhals.maybe_set_index(series, index=table.index) for series in new]
    return narwhals.to_native(frame.with_columns(*new))


def _is_astropy(table: Any) -> bool:
    return any(base.__module__.startswith("astropy.table") for base in type(table).__mro__)


def _to_astropy(table: Any) -> Any:
    from astropy.table import Table

    return table if _is_astropy(table) else Table({name: column(table, name) for name in column_names(table)})


def _to_arrow(table: Any) -> Any:
    if _is_astropy(table):
        import pyarrow

        return pyarrow.table({name: np.asarray(table[name]) for name in table.colnames})
    return _narwhals().from_native(table, eager_only=True).to_arrow()


def _read_fits(path: Path) -> Any:
    from astropy.io.fits import BinTableHDU, TableHDU
    from astropy.table import Table

    # refuses a file that is cut short, which astropy reads with a warning
    with open_fits(path) as units:
        places = [i for i, unit in enumerate(units) if isinstance(unit, BinTableHDU | TableHDU)]
        if not places:
            raise FileError(f"{path}: holds no table")
        table = Table.read(units, format="fits", hdu=places[0])
    if len(places) > 1:
        warnings.warn(f"{path}: holds {len(places)} tables; the first is read", UserWarning, stacklevel=4)
    return table


def _read_parquet(path: Path, size: int) -> Any:
    parquet = _parquet()
    with parquet.ParquetFile(path) as file:
        groups = file.metadata
        claimed = sum(groups.row_group(k).total_byte_size for k in range(groups.num_row_groups))
        check_claim(str(path), claimed, size)
        return file.read()


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: python -m pip install 'sigden[tables]'") from error
    return pyarrow.parquet


def _narwhals() -> Any:
    try:
        import narwhals
    except ImportError as error:
        raise MissingExtraError(
            "this table needs narwhals: python -m pip install 'sigden[tables]'"
        ) from error
    return narwhals
