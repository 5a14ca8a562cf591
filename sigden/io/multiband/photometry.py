"""One flux unit for all files: nanojansky, from the unit or the zero point of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigden.errors import FileError, ParameterError

__all__ = ["NANOJANSKY_ZERO_POINT", "FluxScale", "flux_scale"]

NANOJANSKY_ZERO_POINT = 31.4
"""AB magnitude of one nanojansky."""

_KEYWORDS = ("MAGZERO", "MAGZEROP", "MAGZPT")


@dataclass(frozen=True)
class FluxScale:
    """How values of a file become fluxes.

    Parameters
    ----------
    factor : float
        Multiplies the values.
    unit : str or None
        Unit of the product.
    surface_brightness : bool
        Whether that is flux per solid angle.
    """

    factor: float
    unit: str | None
    surface_brightness: bool = False


def flux_scale(
    header: Mapping[str, Any], name: str, *, zero_point: float | None = None, unit: str | None = None
) -> FluxScale:
    r"""Factor from the values of a file to nanojansky.

    .. math:: f_\mathrm{nJy} = 10^{0.4 (31.4 - z)} \, v

    with the AB zero point z, the magnitude of one unit of the values v.

    Parameters
    ----------
    header : mapping
        Header of the image: ``BUNIT``, and the zero point as ``MAGZERO``, ``MAGZEROP`` or ``MAGZPT``.
    name : str
        The image, for messages.
    zero_point : float, optional
        AB zero point, before all that the header says.
    unit : str, optional
        Unit of the values, in place of BUNIT.

    Returns
    -------
    FluxScale
        To nJy per pixel, or nJy per solid angle for surface brightness.

    Raises
    ------
    FileError
        If neither the unit is a flux nor a zero point is known.
    ParameterError
        If the zero point is not finite, or `unit` is no unit of flux.

    Notes
    -----
    A zero point that is given comes first, then a unit of flux, then a zero point in the header. Zero points
    must be AB magnitudes; convert others beforehand.
    """
    if zero_point is not None:
        return _from_zero_point(zero_point, f"zero_point of {name}")
    text = str(header.get("BUNIT", "") if unit is None else unit).strip()
    found = _from_unit(text)
    if found is not None:
        return found
    if unit is not None:
        raise ParameterError(f"unit: {name}: {unit!r} is no unit of flux, such as nJy or MJy/sr")
    for keyword in _KEYWORDS:
        value = header.get(keyword)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _from_zero_point(float(value), f"{keyword} of {name}")
    said = f"BUNIT {text!r} is no flux" if text else "has no BUNIT"
    raise FileError(
        f"{name}: {said} and none of {', '.join(_KEYWORDS)} gives a zero point; give zero_point (AB "
        'magnitude of one unit), or flux_unit = "native" if all images are on one scale'
    )


def _from_zero_point(value: float, what: str) -> FluxScale:
    if not math.isfinite(value) or abs(value) > 100:
        raise ParameterError(f"{what}: an AB magnitude is needed, got {value!r}")
    return FluxScale(10 ** (0.4 * (NANOJANSKY_ZERO_POINT - value)), "nJy")


def _from_unit(text: str) -> FluxScale | None:
    if not text:
        return None
    from astropy import units as u

    try:
        unit = u.Unit(text)
    except (ValueError, TypeError):
        return None
    for target, surface in ((u.nJy, False), (u.nJy / u.sr, True), (u.nJy / u.pix, False)):
        try:
            return FluxScale(
                float(unit.to(target)), "nJy / sr" if surface else "nJy", surface_brightness=surface
            )
        except u.UnitConversionError:
            continue
    return None
