"""Second pass, where the noise grows with the signal: in the unit of the data, led by the first estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.beside import beside, contiguous
from sigden.hyperspectral.collaborative.filter import UnevenNoise
from sigden.hyperspectral.gram import SpectralMoments
from sigden.hyperspectral.model import coefficients_of, corrected_level
from sigden.hyperspectral.regression import regression
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.hyperspectral.steps import ImageStep, Recipe, denoise_whole, strips
from sigden.hyperspectral.subspace import Subspace, whitened_subspace
from sigden.hyperspectral.table import Table, band_share
from sigden.hyperspectral.weak import with_weak_directions
from sigden.hyperspectral.workspace import Workspace

if TYPE_CHECKING:
    from sigden.hyperspectral.pipeline import Analysis

__all__ = ["LastPass", "last_pass", "led_directions"]

_LEAST = 0.02  # noise variance of a sample that is assumed at least, relative to that of its band

KEPT = ImageStep(lambda images, power: (images, None), 0)
"""Step for eigen-images that are denoised already."""


@dataclass(frozen=True, eq=False)
class LastPass:
    """The pass whose estimate is handed out.

    Parameters
    ----------
    found : Analysis
        What it starts from.
    step : ImageStep
        How much of the images it must see at once.
    run : callable
        ``run(first, last)``: denoised eigen-images of some rows, and their gain.
    """

    found: Analysis
    step: ImageStep
    run: Callable[[int, int], tuple[Any, Any]]


def last_pass(found: Analysis, recipe: Recipe, workspace: Workspace) -> LastPass:
    """Everything up to the pass whose estimate is handed out.

    Parameters
    ----------
    found : Analysis
        What was learnt of the cube; its spectra are changed where there is a second pass.
    recipe : Recipe
        What is done.
    workspace : Workspace
        Memory that may be used.

    Returns
    -------
    LastPass
        The first pass, unless the noise grows with the signal and the step can be led by an estimate.
    """
    step = recipe.step
    if step.halo is None:
        denoise_whole(found.coefficients, step, found.power, workspace)
        step = KEPT
    led, law = step.led, found.law
    if led is None or law is None or found.space.level is not None:
        return LastPass(found, step, lambda first, last: step.run(found.images(first, last), found.power))
    # bands whose growth is not seen have the same noise everywhere
    law = replace(law, base=np.where(law.gain > 0, law.base, found.level**2))
    second, lead = _second(found, law, _first_estimate(found, step, workspace), recipe.rank, workspace)

    def run(first: int, last: int) -> tuple[Any, Any]:
        guide, noise = lead.rows(first, last)
        images, gain = led(second.images(first, last), guide, second.power, noise)
        level = second.pixel_level[second.work.table.pixels(first, last)]
        return images, gain / namespace(gain).reshape(level**2, (1, last - first, -1))

    return LastPass(second, step, run)


@dataclass(frozen=True, eq=False)
class _Lead:
    """What leads the second pass.

    Parameters
    ----------
    guide : Table, shape (rows, columns, rank)
        Coefficients of the first estimate.
    parts : ndarray, shape (terms, rank, rank)
        Covariances of the noise, see `_noise_parts`.
    """

    guide: Table
    parts: Any

    def rows(self, first: int, last: int) -> tuple[Any, UnevenNoise]:
        """Images of some rows, and the noise there."""
        _, columns, rank = self.guide.shape
        part = self.guide.read(first, last)
        xp = namespace(part)
        images = xp.reshape(contiguous(part.T), (rank, last - first, columns))
        weights = xp.concat([xp.ones_like(images[:1, ...]), images])
        return images, UnevenNoise(weights, self.parts)


def _first_estimate(found: Analysis, step: ImageStep, workspace: Workspace) -> Table:
    """Denoised coefficients, shape (rows, columns, rank)."""
    shape, dtype = found.coefficients.shape, found.coefficients.dtype
    out = workspace.table(shape, dtype)
    for strip in strips(shape, step, dtype.itemsize, workspace):
        images, _ = step.run(found.images(strip.begin, strip.end), found.power)
        own = strip.core(images)
        out.write(strip.first, contiguous(namespace(own).reshape(own, (shape[2], -1)).T))
        workspace.tell("denoising", strip.last, shape[0])
    return out


def _second(
    found: Analysis, law: Stabiliser, first: Table, rank: int | None, workspace: Workspace
) -> tuple[Analysis, _Lead]:
    """Subspace and coefficients in linear units, and what leads their denoising."""
    pixels, flags = found.work.table, found.defects.flags
    columns = pixels.shape[1]
    relative, mean, level = _to_linear(found, first, law)

    def linear(where: slice) -> Any:
        return _linear(found, law, first.read(where.start // columns, where.stop // columns))

    space = _subspace(found, _weighed(pixels, linear, relative, mean), level, rank)
    coefficients = coefficients_of(pixels, space, None, workspace)
    if rank is None:
        unit = pixels.beside(np.where(space.sigma > 0, 1 / np.where(space.sigma > 0, space.sigma, 1), 0) ** 2)

        def noise(where: slice) -> Any:
            return _variance(linear(where), law, found.level) * unit / relative[where, None] ** 2

        wider = with_weak_directions(space, pixels, coefficients, workspace, flags, noise)
        if wider is not space:
            space, coefficients = wider, coefficients_of(pixels, wider, None, workspace)
    # from here on without the weights, which would roughen smooth images
    space = replace(space, mean=mean)
    coefficients.update(lambda where, part: _multiply(part, relative[where]))
    guide = workspace.table(coefficients.shape, pixels.dtype)
    for begin, end in guide.spans():
        part, start = guide.blank(begin, end), begin * columns
        for top, bottom in guide.cuts(begin, end):
            where = guide.pixels(top, bottom)
            space.project(linear(where), out=part[where.start - start : where.stop - start, :])
        guide.write(begin, part)
    work = replace(found.work, pixel_scale=None)
    second = replace(found, work=work, space=space, coefficients=coefficients, linear=True, uneven=relative)
    return second, _Lead(guide, _noise_parts(law, space).astype(pixels.dtype))


def _multiply(spectra: Any, factor: Any) -> None:
    spectra *= factor[:, None]


def _linear(found: Analysis, law: Stabiliser, coefficients: Any) -> Any:
    """Spectra of denoised coefficients of the first pass, in the unit of the prepared spectra."""
    out = found.space.reconstruct(coefficients)
    (law.bound if found.linear else law.inverse)(out)
    return out


def _to_linear(found: Analysis, first: Table, law: Stabiliser) -> tuple[Any, Any, Any]:
    """Put the spectra back in linear units.

    Returns the noise level of each pixel, the mean spectrum with the weights of these, and the noise level of
    each band beside them.
    """
    pixels, flags = found.work.table, found.defects.flags
    columns, bands = pixels.shape[1:]
    relative = pixels.room(len(pixels))
    xp = namespace(relative)
    usual = np.where(found.level > 0, found.level, 1) ** 2
    left, total, weights = np.zeros(bands), np.zeros(bands), 0.0

    def change(where: slice, spectra: Any) -> None:
        nonlocal weights
        rows = where.start // columns, where.stop // columns
        estimate = _linear(found, law, first.read(*rows))
        if not found.linear:
            law.undo(spectra)
        if flags is not None:
            spectra[...] = xp.where(flags.read(*rows) != 0, estimate, spectra)
        variance = _variance(estimate, law, found.level) / beside(usual, spectra)
        size = xp.mean(variance, axis=1)
        relative[where] = xp.sqrt(size)
        for out, part in ((left, variance), (total, spectra)):
            out += to_numpy(xp.sum(part / size[:, None], axis=0, dtype=xp.float64))
        weights += float(xp.sum(1 / size, dtype=xp.float64))

    pixels.update(change)
    level = np.sqrt(left / len(pixels) * usual) * (found.level > 0)
    return relative, total / weights, level


def _variance(estimate: Any, law: Stabiliser, level: Any) -> Any:
    """Noise variance of spectra, at least a small part of what is usual in the band."""
    least = beside(_LEAST * level**2, estimate)
    return namespace(estimate).maximum(law.variance(estimate), least)


def _weighed(pixels: Table, estimate: Callable[[slice], Any], relative: Any, mean: Any) -> SpectralMoments:
    """Take the mean off the spectra and divide them by the noise level of their pixel.

    Returns the moments of the spectra with those of the first estimate beside them.
    """
    moments = SpectralMoments(np.zeros(2 * mean.size, pixels.dtype))
    middle = pixels.beside(mean)

    def change(where: slice, spectra: Any) -> None:
        expected = estimate(where)
        for part in (spectra, expected):
            part -= middle
            part /= relative[where, None]
        moments.add(namespace(spectra).concat([spectra, expected], axis=1))

    pixels.update(change)
    return moments


def _subspace(found: Analysis, moments: SpectralMoments, level: Any, rank: int | None) -> Subspace:
    """Signal subspace in linear units, of spectra about their mean."""
    bands, flags = level.size, found.defects.flags
    # about zero, where the mean is: so a scene of low rank stays one whatever the weights
    second = moments.covariance + np.outer(moments.mean, moments.mean)
    own, middle, count = second[:bands, :bands], np.zeros(bands), len(found.work.table)
    gone = None if flags is None else band_share(flags)
    if gone is not None:  # predictions lack the noise
        own = own + np.diag(gone * level**2)
    plain = regression(own, middle, count, found.work.table.dtype).sigma
    # where there is hardly any light the law tells too much noise, since the estimate is not negative
    level = np.where(level > 0, corrected_level(own, middle, plain, count, gone), 0)
    space = whitened_subspace(own, middle, level, count, rank)
    weight = np.where(level > 0, 1 / np.where(level > 0, level, 1), 0)
    estimate = second[bands:, bands:] * np.outer(weight, weight)
    both = second[:bands, bands:] * np.outer(weight, weight)
    return replace(space, basis=led_directions(both, estimate, space.rank, found.space.rank))


def led_directions(both: Any, estimate: Any, rank: int, directions: int) -> Any:
    """Directions of noisy spectra that an estimate of them explains.

    Parameters
    ----------
    both : ndarray, shape (bands, bands)
        Covariance of the noisy spectra (rows) with the estimate (columns), in units of the noise.
    estimate : ndarray, shape (bands, bands)
        Covariance of the estimate.
    rank : int
        Number of directions.
    directions : int
        Principal components of the estimate that may explain.

    Returns
    -------
    ndarray, shape (bands, rank)
        Orthonormal, strongest first.

    Notes
    -----
    The spectra are regressed on the principal components of the estimate, whose images hold little noise
    (reduced-rank regression [1]_). A direction of variance :math:`\\lambda` is then off by noise of
    variance :math:`1 / N \\lambda` per band rather than :math:`(1 + \\lambda) / N \\lambda^2` as in the
    principal components of N spectra: weak ones gain most.

    References
    ----------
    .. [1] A. J. Izenman, "Reduced-rank regression for the multivariate linear model", J. Multivar. Anal. 5
       (1975) 248.
    """
    values, vectors = np.linalg.eigh(estimate)
    count = min(max(rank, directions), len(values))
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    kept = values > 1e-12 * values[0]
    coefficients = both @ (vectors[:, kept] / np.sqrt(values[kept]))
    basis = np.linalg.svd(coefficients, full_matrices=False)[0][:, :rank]
    return basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])


def _noise_parts(law: Stabiliser, space: Subspace) -> Any:
    """Covariances of coefficients for the weights 1 and coefficients."""
    basis = space.basis
    alive = space.sigma > 0
    weight = np.where(alive, 1 / np.where(alive, space.sigma, 1), 0)
    of_bands = [law.variance(space.mean) * weight**2, *(law.gain * column * weight for column in basis.T)]
    return np.stack([basis.T @ (values[:, None] * basis) for values in of_bands])
