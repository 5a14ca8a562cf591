"""Whether the images lie where they are said to lie."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sigden.multiband.joint.planes import over_rows

__all__ = ["DisplacedImageWarning", "Displacement", "displacement", "warn_displaced"]

LIMITS = (0.5, 0.2)
"""Native pixels by which one image, and the mean of all of one pixel scale, may lie off the sharpest."""
_BORDER = 0.01
_EXPLAINED = 0.5
SURE = 5.0
"""Standard errors that a displacement must have."""


class DisplacedImageWarning(UserWarning):
    """An image does not lie where its offset or WCS says; what is deconvolved from it is smeared."""


class Displacement(NamedTuple):
    """Displacement of one image in its native pixels.

    Parameters
    ----------
    rows, columns : float
        By which the image lies beyond its place.
    error : float
        Standard error of either.
    """

    rows: float
    columns: float
    error: float


def displacement(seen: Any, data: Any, weight: Any) -> Displacement | None:
    """Displacement of an image against what another one predicts for it.

    Parameters
    ----------
    seen : numpy.ndarray, shape (rows, columns)
        Predicted image, but for a factor.
    data : numpy.ndarray, shape (rows, columns)
        Image.
    weight : float or numpy.ndarray
        Inverse variance of the data.

    Returns
    -------
    Displacement or None
        None if there is too little light to tell, or light at the border and no clear case.

    Notes
    -----
    To first order the image is :math:`f (s - \\delta_r \\partial_r s - \\delta_c \\partial_c s)`: least
    squares in the three factors, with central differences. Displacements of a pixel and more are told too
    small. Near the border light of the one image may have left the other, or come in through a periodic one:
    weights fall to nothing in the outer quarter of the side, and where more than a hundredth of the squared
    light is in the outer eighth, the displacement must explain half of what the prediction leaves beyond the
    noise, which what is cut by the border seldom does. The error is that without the fall of weights, an
    upper bound.
    """
    if min(data.shape) < 4:
        return None
    sums, light, inside, noise = _sums(seen, data, weight)
    normal, found = sums[:3, :3], sums[3, :3]
    if not np.linalg.det(normal / max(np.trace(normal), 1e-300)) > 0:
        return None
    factor, rows, columns = np.linalg.solve(normal, found)
    if not factor > 0:
        return None
    if 1.0 - inside / max(light, 1e-300) > _BORDER:
        misfit = sums[3, 3] - found[0] ** 2 / normal[0, 0]
        gain = found @ (factor, rows, columns) - found[0] ** 2 / normal[0, 0]
        if not gain > _EXPLAINED * (misfit - noise):
            return None
    error = math.sqrt(max(np.diag(np.linalg.inv(normal))[1:])) / factor
    return Displacement(-rows / factor, -columns / factor, error)


def _sums(seen: Any, data: Any, weight: Any) -> tuple[Any, float, float, float]:
    """Weighted products of prediction, slopes and data; squared light, that inside; sum of weights."""
    fall = [_fall(n).astype(seen.dtype) for n in data.shape]
    top, left = (n // 8 for n in seen.shape)
    shares: dict[int, tuple[Any, Any]] = {}
    even = np.ndim(weight) == 0

    def add(read: slice, own: slice, within: slice) -> None:
        planes = [seen[own], *(slope[within] for slope in np.gradient(seen[read])), data[own]]
        level = fall[0][own, None] * fall[1]
        counted = level if even else weight[own] * level
        products = np.zeros((4, 4))
        for i, plane in enumerate(planes):
            weighted = counted * plane
            for j in range(i + 1):
                products[i, j] = products[j, i] = np.sum(weighted * planes[j], dtype=np.float64)
        first = max(own.start, top)
        last = max(min(own.stop, seen.shape[0] - top), first)
        squared = seen[own] ** 2
        part = squared[first - own.start : last - own.start, left : -left or None]
        rest = [
            np.sum(v, dtype=np.float64) for v in (squared, part, level if even else (counted > 0) * level)
        ]
        shares[own.start] = products, np.array(rest)

    over_rows(add, seen.shape, 1)
    products, rest = (sum(shares[k][i] for k in sorted(shares)) for i in (0, 1))
    return products * weight if even else products, float(rest[0]), float(rest[1]), float(rest[2])


def _fall(size: int) -> Any:
    """Weights along a side: zero beyond the ends, one from a quarter of the side on."""
    ends = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    return np.sin(0.5 * math.pi * np.minimum(ends / (size / 4), 1.0)) ** 2


def warn_displaced(found: Sequence[tuple[str, float, Displacement]]) -> None:
    """Warn where one image, or all of one pixel scale together, lie off their place.

    Parameters
    ----------
    found : sequence of (str, float, Displacement)
        Band, arcsec per pixel and displacement of each image.

    Warns
    -----
    DisplacedImageWarning
        If one is off by more than half a pixel, or the mean of several by a fifth, and by five standard
        errors. Colours that change over a source move a single band a little, but not all the same way.
    """
    for scale in sorted({s for _, s, _ in found}):
        group = [(band, d) for band, s, d in found if s == scale]
        rows, columns = (float(np.mean([d[i] for _, d in group])) for i in (0, 1))
        error = math.sqrt(sum(d.error**2 for _, d in group)) / len(group)
        cases = [(", ".join(band for band, _ in group), rows, columns, error, LIMITS[1])] if group[1:] else []
        if not _beyond(cases):
            cases = [(band, d.rows, d.columns, d.error, LIMITS[0]) for band, d in group]
        for name, rows, columns, _, _ in _beyond(cases):
            warnings.warn(
                f"band {name}: the light lies {rows:+.2f} rows and {columns:+.2f} columns of its own pixels "
                f'({scale * rows:+.3f}", {scale * columns:+.3f}") from where the sharpest image has it; '
                "check offset or wcs (offset is the place of the centre of pixel (0, 0): (k - 1) / 2 grid "
                "pixels for pixels of k grid pixels with common corners) and the centring of the PSF",
                DisplacedImageWarning,
                stacklevel=5,
            )


def _beyond(cases: Sequence[tuple[str, float, float, float, float]]) -> list[Any]:
    return [c for c in cases if math.hypot(c[1], c[2]) > max(c[4], SURE * c[3])]
