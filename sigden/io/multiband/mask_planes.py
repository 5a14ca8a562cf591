"""Which bits of an integer mask mean that a pixel is to be ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigden.errors import ParameterError
from sigden.io.multiband.layout import Convention
from sigden.registry import suggest

__all__ = ["EUCLID_BAD_BITS", "LSST_BAD_PLANES", "bad_bits", "plane_numbers"]

LSST_BAD_PLANES = ("BAD", "EDGE", "SAT", "INTRP", "NO_DATA")
"""Mask planes of an LSST image that are ignored by default: those that the pipelines leave out of coadds."""
EUCLID_BAD_BITS = (0,)
"""Bits of a Euclid flag image that are ignored by default: 0 is INVALID, set together with the reason."""

_PREFIX = "MP_"
_BITS = 63


def plane_numbers(header: Mapping[str, Any]) -> dict[str, int]:
    """Mask planes that an LSST header names: the keyword ``MP_SAT = 1`` says that bit 1 means SAT."""
    return {
        str(key)[len(_PREFIX) :].upper(): int(value)
        for key, value in header.items()
        if str(key).upper().startswith(_PREFIX) and isinstance(value, int)
    }


def bad_bits(
    header: Mapping[str, Any], convention: Convention, planes: Sequence[int | str] | None, name: str
) -> int:
    """Bits of a mask that mean bad, as one integer.

    Parameters
    ----------
    header : mapping
        Header of the mask.
    convention : {"lsst", "euclid", "plain"}
        Decides the defaults: `LSST_BAD_PLANES` as far as the header names them, `EUCLID_BAD_BITS`, or any
        bit at all.
    planes : sequence of int or str, optional
        Bit numbers, or names of planes that the header gives as MP_name.
    name : str
        The mask, for messages.

    Returns
    -------
    int
        The bits, or -1 for all.

    Raises
    ------
    ParameterError
        If a plane is unknown or a bit number is out of range.
    """
    known = plane_numbers(header)
    if planes is None:
        if convention == "lsst" or known:
            chosen: list[int | str] = [plane for plane in LSST_BAD_PLANES if plane in known]
        elif convention == "euclid":
            chosen = list(EUCLID_BAD_BITS)
        else:
            return -1
    else:
        chosen = list(planes)
    bits = 0
    for plane in chosen:
        if isinstance(plane, str):
            if plane.upper() not in known:
                raise ParameterError(
                    f"mask_planes: {name} has no plane {plane!r}; {suggest(plane, tuple(sorted(known)))}"
                )
            number = known[plane.upper()]
        else:
            number = plane
        if not 0 <= number < _BITS:
            raise ParameterError(f"mask_planes: {name}: bit {number} is not between 0 and {_BITS - 1}")
        bits |= 1 << number
    return bits
