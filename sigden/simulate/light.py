"""Light of galaxies and stars: Sersic profiles and colours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.simulate.optics import sheared

__all__ = ["SPECTRA", "band_fluxes", "mixture_weights", "sersic_map", "sersic_scale"]

# Transmission between half-power wavelengths in nm, edges 4 nm wide: Rubin r, i, z and Euclid VIS in outline.
_BANDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"r": (552.0, 691.0), "i": (691.0, 818.0), "z": (818.0, 922.0), "vis": (550.0, 900.0)}
)
# Slope of log f_nu over log wavelength, and depth of the break at 400 nm in the rest frame.
SPECTRA: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "elliptical": (1.8, 0.75),
        "early spiral": (1.2, 0.5),
        "late spiral": (0.6, 0.3),
        "irregular": (0.0, 0.1),
    }
)
# half-width in cells of the square around the centre, points per cell and axis
_REFINED = ((8, 9), (1, 63))


def sersic_scale(index: float) -> float:
    """Number b that makes the effective radius hold half of the light of a Sersic profile.

    Parameters
    ----------
    index : float
        Sersic index, at least 0.5.

    Returns
    -------
    float
        Right to 5e-4 at 0.5, to 5e-5 at 1, and better above.

    References
    ----------
    .. [1] L. Ciotti and G. Bertin, "Analytical properties of the R^(1/m) law", Astron. Astrophys. 352 (1999)
       447, equation 18.
    """
    n = index
    terms = (2 * n, -1 / 3, 4 / (405 * n), 46 / (25515 * n**2), 131 / (1148175 * n**3))
    return math.fsum(terms) - 2194697 / (30690717750 * n**4)


def sersic_map(
    shape: tuple[int, int],
    scale: float,
    centre: tuple[float, float],
    radius: float,
    index: float,
    shear: tuple[float, float] = (0.0, 0.0),
    *,
    truncation: float = 6.0,
) -> Any:
    """Sersic profile integrated over the cells of a periodic grid.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    scale : float
        Side of a cell, arcsec.
    centre : tuple of float
        Row and column of the centre, in cells.
    radius : float
        Effective radius, arcsec: of the untruncated profile, geometric mean of the axes.
    index : float
        Sersic index, at least 0.5; 1 is an exponential disc, 4 a de Vaucouleurs bulge.
    shear : tuple of float
        Reduced shear (g1, g2).
    truncation : float
        Radius beyond which there is no light, in effective radii.

    Returns
    -------
    array, shape `shape`
        Fractions of the light, of sum 1.

    Raises
    ------
    ParameterError
        If the radius is not positive, the index below 0.5, or the shear not below 1.

    Notes
    -----
    .. math:: I(R) \\propto \\exp(-b (R / R_e)^{1/n}), \\quad R < 6 R_e.
    """
    if not radius > 0 or not index >= 0.5 or not math.hypot(*shear) < 1:
        raise ParameterError(
            f"Sersic profile: needs radius > 0, index >= 0.5, shear below 1; got {radius}, {index}, {shear}"
        )
    b = sersic_scale(index)
    opposite = (-shear[0], -shear[1])

    def profile(row: Any, column: Any) -> Any:
        r = np.hypot(*sheared(row, column, opposite)) * (scale / radius)
        return np.where(r < truncation, np.exp(-b * r ** (1 / index)), 0.0)

    offsets = [(np.arange(n) - c + n / 2) % n - n / 2 for n, c in zip(shape, centre, strict=True)]
    out = profile(offsets[0][:, None], offsets[1])
    # the cusp varies within a cell
    for width, points in _REFINED:
        sub = (np.arange(points) + 0.5) / points - 0.5
        near = [np.flatnonzero(np.abs(offset) <= width + 0.5) for offset in offsets]
        fine = [(offset[chosen][:, None] + sub).ravel() for offset, chosen in zip(offsets, near, strict=True)]
        values = profile(fine[0][:, None], fine[1])
        values = values.reshape(near[0].size, points, near[1].size, points).mean(axis=(1, 3))
        out[np.ix_(*near)] = values
    return out / out.sum()


def band_fluxes(spectrum: str | tuple[float, float], redshift: float = 0.0) -> Any:
    """Fluxes in r, i, z and VIS, relative to i.

    Parameters
    ----------
    spectrum : str or tuple of float
        Name in `SPECTRA`, or slope of log f_nu over log wavelength and depth of the break at 400 nm.
    redshift : float
        Redshift.

    Returns
    -------
    array, shape (4,)
        Photon-weighted means of f_nu.

    Raises
    ------
    ParameterError
        If the spectrum is unknown.
    """
    if isinstance(spectrum, str):
        if spectrum not in SPECTRA:
            raise ParameterError(f"spectrum: expected one of {', '.join(SPECTRA)}, got {spectrum!r}")
        spectrum = SPECTRA[spectrum]
    slope, depth = spectrum
    wavelength, weights = _band_weights()
    rest = wavelength / (1 + redshift)
    density = (rest / 500) ** slope * (1 - depth / (1 + np.exp((rest - 400) / 8)))
    means = weights @ density
    return means / means[1]


def mixture_weights() -> Any:
    """Weights of r, i and z in VIS for a flat f_nu.

    Returns
    -------
    array, shape (3,)
        Least squares of the photon-weighted transmission curves, of sum 1.
    """
    _, weights = _band_weights()
    found = np.linalg.lstsq(weights[:3].T, weights[3], rcond=None)[0]
    return found / found.sum()


@lru_cache(maxsize=1)
def _band_weights() -> tuple[Any, Any]:
    """Wavelengths in nm and normalised T / wavelength of each band; read-only."""
    wavelength = np.arange(520.0, 960.0)
    rows = []
    for low, high in _BANDS.values():
        curve = 1 / (1 + np.exp((low - wavelength) / 4)) / (1 + np.exp((wavelength - high) / 4))
        rows.append(curve / wavelength / np.sum(curve / wavelength))
    weights = np.stack(rows)
    wavelength.flags.writeable = weights.flags.writeable = False
    return wavelength, weights
