"""Which series of a file are meant, and under which key they are given back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from sigden.errors import FileError
from sigden.io.series import StrainSeries
from sigden.io.stored import StoredStrain

__all__ = ["by_key", "detector_of", "detector_of_file", "listed"]

_Series = TypeVar("_Series", StrainSeries, StoredStrain)
_PREFIX = re.compile(r"^([A-Z][0-9])(?=$|[:_\-.])")
_FILE = re.compile(r"^[A-Z]+-([A-Z][0-9])[_-]")


def detector_of(*names: str | None) -> str | None:
    """Detector prefix (H1, L1, V1, K1, ...) that the first of the names begins with, or None."""
    for name in names:
        match = _PREFIX.match(name.rsplit("/", 1)[-1]) if name else None
        if match:
            return match.group(1)
    return None


def detector_of_file(path: Path) -> str | None:
    """Detector prefix in a file name of the LIGO convention ``H-H1_TYPE-START-DURATION``, or None."""
    match = _FILE.match(path.name)
    return match.group(1) if match else None


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names for a message, at most `limit` of them."""
    known = list(names)
    more = f", ... ({len(known)} in all)" if len(known) > limit else ""
    return ", ".join(known[:limit]) + more if known else "none"


def by_key(
    found: Sequence[tuple[str | None, _Series]], detector: str | None, path: Path
) -> dict[str, _Series]:
    """Key each series by its detector, or by its name where two share a detector or it has none.

    Parameters
    ----------
    found : sequence of (detector or None, StrainSeries or StoredStrain)
        Series of one file.
    detector : str or None
        The only detector wanted.
    path : pathlib.Path
        File, for the message.

    Returns
    -------
    dict of str to StrainSeries or StoredStrain
        In the order of the file.

    Raises
    ------
    FileError
        If the wanted detector is not there.
    """
    wanted = list(found)
    if detector is not None:
        wanted = [(prefix, series) for prefix, series in found if prefix == detector]
        # a file that names no detector holds the one the caller says it holds
        if not wanted and len(found) == 1 and found[0][0] is None:
            wanted = [(detector, found[0][1])]
        if not wanted:
            have = listed(sorted({prefix or series.name for prefix, series in found}))
            raise FileError(f"{path}: no strain of detector {detector!r}; it holds {have}")
    count = Counter(prefix for prefix, _ in wanted)
    return {
        prefix if prefix is not None and count[prefix] == 1 else series.name: series
        for prefix, series in wanted
    }
