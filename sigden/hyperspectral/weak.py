"""What is too weak for the covariance of single pixels, found after smoothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.beside import beside, subtract
from sigden.hyperspectral.chance import chance_level, sample_step
from sigden.hyperspectral.model import coefficients_of
from sigden.hyperspectral.order import median
from sigden.hyperspectral.robust_fit import left_over, robust_weights
from sigden.hyperspectral.subspace import Subspace, marchenko_pastur_edge
from sigden.hyperspectral.table import GROUP, Table, band_share, piece_rows, spans
from sigden.hyperspectral.workspace import Workspace
from sigden.noise import difference_sigma

__all__ = ["REACH", "with_weak_directions"]

_WIDTH = 2.0  # pixels, standard deviation of the smoothing
REACH = 8  # pixels, where it ends
_FITTED = 4
_MOST = 8
_MARGIN = 1.25  # above the edge, so that a direction is more signal than noise
_SURE = 0.97  # squared cosine with the true direction from which a direction holds what lies along it
_FEW = 0.15  # part of a band that lies along doubtful directions, as in the bands of a line
_BAND_ERRORS = 5.5  # noise levels, at least, that the smoothed residual of a band must reach
_MOST_BANDS = 0.1
_MOST_MISSING = 0.01
_ROBUST = 100  # bytes that the robust fit takes for each pixel of a band


def with_weak_directions(
    space: Subspace,
    pixels: Table,
    coefficients: Table,
    workspace: Workspace,
    flags: Table | None = None,
    noise: Callable[[slice], Any] | None = None,
) -> Subspace:
    """Subspace with the directions and bands that only smoothing brings out.

    Parameters
    ----------
    space : Subspace
        Directions found so far.
    pixels : Table
        Spectra.
    coefficients : Table, shape (rows, columns, rank)
        Of the directions found so far.
    workspace : Workspace
        Memory that may be used.
    flags : Table, optional
        Not zero where a sample is a prediction. A band that is a direction of its own predicts nothing, so a
        band of which more than a hundredth is missing does not become one.
    noise : callable, optional
        Noise variance of the samples of some pixels, shape (pixels, bands), where that of a band is not the
        same everywhere; the bright end of a band would pass for a line.

    Returns
    -------
    Subspace
        With up to eight more directions and a tenth of the bands.

    Notes
    -----
    Smoothing by a Gaussian of standard deviation s leaves :math:`N / (2 \\pi s^2)` independent pixels of
    noise and hardly weakens what extends over several pixels. Directions of the residual whose eigenvalue
    exceeds the Marchenko-Pastur edge for that number, in units of the noise that is left, are signal. So is
    what the smoothed residual of a single band holds beyond 5.5 noise levels, and beyond what the largest of
    all samples reaches once in a hundred cubes of noise: a faint line, which is too little of the variance of
    all bands to make a direction. Such a band becomes a direction of its own. The residual is that of a
    robust fit of the strongest directions, which a line on a bright source would tilt.

    A direction of noisy spectra is turned away from the true one, and what lies along that loses part of its
    flux: all but the square of the cosine, which follows from the eigenvalue [1]_. Where directions that lose
    more than three per cent lie in few bands, as those of lines do, their part counts as residual there.

    References
    ----------
    .. [1] D. Paul, "Asymptotics of sample eigenstructure for a large dimensional spiked covariance model",
       Stat. Sin. 17 (2007) 1617, theorem 4.
    """
    trusted, left, back = space, np.zeros((len(space.sigma), 0)), np.zeros((0, len(space.sigma)))
    if space.level is None:
        held = _holding(space.eigenvalues[: space.rank], np.count_nonzero(space.sigma) / len(pixels))
        trusted, left = replace(space, basis=space.basis[:, held]), space.basis[:, ~held]
        back = np.where(np.sum(left**2, axis=1) < _FEW, left.T, 0)
    residual, covariance = _smoothed_residual(trusted, pixels, workspace, noise)
    if space.level is None:
        rest = np.eye(len(covariance)) - left @ left.T
        more = _directions(rest @ covariance @ rest, space, pixels.shape)
        if more.shape[1]:
            space = replace(space, basis=_orthonormal(np.concatenate([space.basis, more], axis=1)))
            left, back = np.concatenate([left, more], axis=1), np.concatenate([back, more.T])
    if left.shape[1]:
        small, turned = residual.beside(left), residual.beside(back)

        def take_off(where: slice, spectra: Any) -> None:
            spectra -= (spectra @ small) @ turned

        residual.update(take_off)
    eligible = space.sigma > 0
    if flags is not None:
        eligible &= band_share(flags) < _MOST_MISSING
    size = workspace.number(_ROBUST * len(residual))
    bands = _bands(residual, size, eligible, _strongest(coefficients), pixels.shape)
    if bands.size == 0:
        return space
    basis = _orthonormal(np.concatenate([space.basis, np.eye(len(space.sigma))[:, bands]], axis=1))
    if space.level is None:
        return replace(space, basis=basis)
    wide = replace(space, basis=basis[:, space.rank :], level=None)
    images = coefficients_of(pixels, wide, None, workspace)
    own = []
    for k in range(wide.rank):
        image = images.bands(k, k + 1)
        image = namespace(image).reshape(image, pixels.shape[:2])
        own.append(float(difference_sigma(image, axes=(-2, -1))))
    return replace(space, basis=basis, level=np.concatenate([space.level, np.maximum(own, 1e-12)]))


def _smoothed_residual(
    space: Subspace, pixels: Table, workspace: Workspace, noise: Callable[[slice], Any] | None
) -> tuple[Table, Any]:
    """What the subspace leaves of the whitened spectra, smoothed in space, and its covariance.

    Only every other pixel of every other row is kept: they hold all that the smoothing left.
    """
    rows, columns, bands = pixels.shape
    out = workspace.table(((rows + 1) // 2, (columns + 1) // 2, bands), pixels.dtype)
    covariance = np.zeros((bands, bands))

    piece = piece_rows(columns)

    def take_in(first: int, last: int) -> None:
        begin = max(first - REACH, 0) // piece * piece
        end = min(-(-(last + REACH) // piece) * piece, rows)
        cube = _residual(space, pixels, begin, end, noise)
        xp = namespace(cube)
        cube = xp.reshape(cube, (-1, columns, bands))
        _smooth(cube)
        for top, bottom in pixels.cuts(first, last):
            part = xp.reshape(cube[top - begin : bottom - begin, ...], (-1, bands))
            covariance[...] += to_numpy(part.T @ part)
        inner = cube[first - begin : last - begin, ...]
        out.write((first + 1) // 2, xp.reshape(inner[first % 2 :: 2, ::2, :], (-1, bands)))

    for first, last in spans(0, rows, workspace.smoothed(pixels.shape, pixels.dtype.itemsize, REACH)):
        take_in(first, last)
    return out, covariance / len(pixels)


def _residual(
    space: Subspace, pixels: Table, first: int, last: int, noise: Callable[[slice], Any] | None
) -> Any:
    """Whitened spectra of some rows less their part in the subspace, a new array."""
    start = first * pixels.shape[1]
    out = pixels.room((last - first) * pixels.shape[1], pixels.shape[2])
    scale = pixels.beside(np.where(space.sigma > 0, 1 / np.where(space.sigma > 0, space.sigma, 1), 0))
    basis, mean = pixels.beside(space.basis), pixels.beside(space.mean)
    for where, part in pixels.pieces(first, last):
        unit = (part - mean) * scale
        left = out[where.start - start : where.stop - start, :]
        subtract(unit, (unit @ basis) @ basis.T, left)
        if noise is not None:
            left /= noise(where) ** 0.5
    return out


def _smooth(cube: Any) -> None:
    """Smooth the image of every band in place."""
    xp, bands = namespace(cube), cube.shape[2]
    for first, last in spans(0, bands, GROUP):
        images = xp.permute_dims(cube[..., first:last], (2, 0, 1))
        cube[..., first:last] = xp.permute_dims(_smoothed(images), (1, 2, 0))


def _smoothed(images: Any) -> Any:
    """Images, shape (images, rows, columns), smoothed by a Gaussian; the border is mirrored."""
    if isinstance(images, np.ndarray):
        from scipy.ndimage import gaussian_filter

        return gaussian_filter(np.ascontiguousarray(images), (0, _WIDTH, _WIDTH), radius=REACH)
    xp = namespace(images)
    for axis in (1, 2):
        length = images.shape[axis]
        mirrored = np.pad(np.arange(length), REACH, mode="symmetric")
        total = xp.zeros_like(images)
        for k, tap in enumerate(_taps()):
            index = beside(mirrored[k : k + length], images, np.int64)
            total += float(tap) * xp.take(images, index, axis=axis)
        images = total
    return images


def _holding(eigenvalues: Any, quotient: float) -> Any:
    """Whether directions of some eigenvalues, in units of the noise, hold what lies along them.

    With the variance l of the signal and q bands for each spectrum, the eigenvalue is (1 + l)(1 + q / l), and
    the squared cosine (1 - q / l^2) / (1 + q / l).
    """
    middle = (eigenvalues - 1 - quotient) / 2
    variance = np.maximum(middle + np.sqrt(np.maximum(middle**2 - quotient, 0)), 1e-12)
    return (1 - quotient / variance**2) / (1 + quotient / variance) > _SURE


def _directions(covariance: Any, space: Subspace, shape: tuple[int, int, int]) -> Any:
    """Directions of the smoothed residual above its noise, shape (bands, number)."""
    effective = int(shape[0] * shape[1] / (2 * math.pi * _WIDTH**2))
    free = int(np.count_nonzero(space.sigma > 0)) - space.rank
    if free < 2 or effective < 1.5 * free:
        return np.zeros((shape[2], 0))
    values, vectors = np.linalg.eigh(covariance)
    # the bulk of noise eigenvalues gives its level, whatever the correlation between pixels
    bulk = values[::-1][:free]
    level = float(np.median(bulk)) / (1 - free / effective / 3)
    count = int(np.sum(bulk > _MARGIN * level * marchenko_pastur_edge(free, effective)))
    return vectors[:, ::-1][:, : min(count, _MOST)]


def _strongest(coefficients: Table) -> Any:
    """Strongest eigen-images, smoothed as the residual is, orthonormal; shape (coarse pixels, number)."""
    rows, columns, rank = coefficients.shape
    smooth = []
    for k in range(min(rank, _FITTED)):
        image = coefficients.bands(k, k + 1)
        xp = namespace(image)
        image = _smoothed(xp.reshape(image, (1, rows, columns)))
        smooth.append(xp.reshape(image[0, ::2, ::2], (-1,)))
    return xp.linalg.qr(xp.astype(xp.stack(smooth, axis=1), xp.float64))[0]


def _bands(residual: Table, size: int, alive: Any, strongest: Any, shape: tuple[int, int, int]) -> Any:
    """Bands whose smoothed residual holds more than noise, the strongest first, then in order."""
    height = np.zeros(alive.size)
    weight = residual.beside(np.outer(*(1 / _border(length)[::2] for length in shape[:2])).reshape(-1))
    for first, last in residual.groups(size):
        part = residual.bands(first, last)
        part = namespace(part).astype(part, namespace(part).float64)
        left = left_over(part, strongest, robust_weights(part, strongest, 1e-6))
        height[first:last] = _height(left * weight)
    height[~alive] = 0
    found = np.argsort(-height, kind="stable")[: max(1, int(_MOST_BANDS * alive.size))]
    return np.sort(found[height[found] > chance_level(len(residual) * alive.size, _BAND_ERRORS)])


def _border(length: int) -> Any:
    """Noise level along an axis after smoothing, relative to that far from its ends, shape (length,).

    At a mirrored border samples count twice: the noise there is two fifths larger, in corners twice as large.
    """
    taps = _taps()
    mirrored = np.pad(np.arange(length), REACH, mode="symmetric")
    out = np.empty(length)
    for k in range(length):
        out[k] = np.sqrt(np.sum(np.bincount(mirrored[k : k + taps.size], taps) ** 2))
    return out / np.sqrt(np.sum(taps**2))


def _taps() -> Any:
    """Weights of the smoothing along an axis, of sum one."""
    taps = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / _WIDTH) ** 2)
    return taps / taps.sum()


def _height(images: Any) -> Any:
    """Largest size of each image in units of its robust spread."""
    xp = namespace(images)
    size = xp.abs(images)
    spread = to_numpy(median(size[:, :: sample_step(size.shape[1])], axis=1)) / 0.6745
    top = to_numpy(xp.max(size, axis=1))
    return np.where(spread > 0, top / np.where(spread > 0, spread, 1), 0)


def _orthonormal(basis: Any) -> Any:
    """Gram-Schmidt of the columns, each with its own sign."""
    q, r = np.linalg.qr(basis)
    return q * np.sign(np.diag(r))
