"""Read strain from any file a gravitational-wave scientist has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sigden.errors import FileError
from sigden.io.regular import require_regular
from sigden.io.sampling import asked_rate
from sigden.io.series import StrainSeries
from sigden.io.stored import StoredStrain

__all__ = ["open_strain", "read_strain"]

_MAGIC = ((b"\x89HDF\r\n\x1a\n", "hdf5"), (b"IGWD", "gwf"), (b"\x93NUMPY", "npy"), (b"PK\x03\x04", "npz"))
_SUFFIXES = {
    ".hdf5": "hdf5",
    ".hdf": "hdf5",
    ".h5": "hdf5",
    ".gwf": "gwf",
    ".npz": "npz",
    ".npy": "npy",
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".dat": "text",
}

Reader = Callable[[Path, str | None, str | None, float | None], dict[str, StrainSeries]]


def read_strain(
    path: str | os.PathLike[str],
    *,
    channel: str | None = None,
    detector: str | None = None,
    sample_rate: float | None = None,
) -> dict[str, StrainSeries]:
    """Read the strain series of a file.

    Parameters
    ----------
    path : path
        HDF5 (GWOSC, gwpy or plain), GWF, NPZ, NPY, CSV or text (also ``.gz``); told apart by content, then
        suffix.
    channel : str, optional
        The only channel, dataset, NPZ key or text column to read.
    detector : str, optional
        The only detector to read (``H1``); names the series of a file that does not say its detector.
    sample_rate : float, optional
        Sample rate in Hz. Needed where the file does not state it; where it does, they must agree.

    Returns
    -------
    dict of str to StrainSeries
        Keyed by detector prefix (``H1``), or by dataset name where a series has none or two share one. Values
        are float64 in native byte order, NaN in gaps.

    Raises
    ------
    FileError
        If the file is missing, damaged, unsafe, does not hold what was asked for, or its sample rate is
        unknown or another one. The message names the file and the object in it.
    ParameterError
        If `sample_rate` is not a positive number.

    Notes
    -----
    Files are not trusted: nothing is unpickled, no link leads out of an HDF5 file, and claimed sizes are
    checked before memory is taken.

    References
    ----------
    GWOSC, "What is in a GWOSC data file", https://gwosc.org (layout of the HDF5 and text files).

    Examples
    --------
    >>> from sigden.io import read_strain
    >>> strain = read_strain("H-H1_GWOSC_4KHZ_R1-1126259447-32.hdf5")["H1"]  # doctest: +SKIP
    """
    found = open_strain(path, channel=channel, detector=detector, sample_rate=sample_rate)
    return {name: stored.series() for name, stored in found.items()}


def open_strain(
    path: str | os.PathLike[str],
    *,
    channel: str | None = None,
    detector: str | None = None,
    sample_rate: float | None = None,
) -> dict[str, StoredStrain]:
    """Find the strain series of a file, to be read a stretch at a time.

    Parameters
    ----------
    path : path
        As of `read_strain`.
    channel, detector : str, optional
        As of `read_strain`.
    sample_rate : float, optional
        As of `read_strain`.

    Returns
    -------
    dict of str to StoredStrain
        Keyed as by `read_strain`. Of HDF5 files nothing but the headers is read yet, of GWF files with
        several frames one frame, as at any time later; missing frames are NaN. Series of other formats, and
        of a single frame, are in memory.

    Raises
    ------
    FileError
        As of `read_strain`; also when a stretch is read that is damaged.
    ParameterError
        As of `read_strain`.
    """
    source, rate = Path(path), asked_rate(sample_rate)
    kind = _format(source)
    if kind == "hdf5":
        from sigden.io.strain_hdf5 import open_hdf5_strain

        return open_hdf5_strain(source, channel, detector, rate)
    if kind == "gwf":
        from sigden.io.gwf import open_gwf_strain

        return open_gwf_strain(source, channel, detector, rate)
    found = _reader(kind)(source, channel, detector, rate)
    return {name: StoredStrain.of(series) for name, series in found.items()}


def _format(path: Path) -> str:
    require_regular(path)
    with path.open("rb") as stream:
        head = stream.read(8)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    known = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if known is None:
        raise FileError(
            f"{path}: not a known kind of strain file; known are HDF5 (.hdf5 .hdf .h5), GWF (.gwf), NumPy "
            "(.npz .npy) and text (.csv .tsv .txt .dat, also .gz)"
        )
    return known


def _reader(name: str) -> Reader:
    # each format is imported on first use
    if name in ("npz", "npy"):
        from sigden.io.strain_numpy import read_npy_strain, read_npz_strain

        return read_npz_strain if name == "npz" else read_npy_strain
    from sigden.io.strain_text import read_text_strain

    return read_text_strain
