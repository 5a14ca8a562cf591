"""Low-rank model of spectra with missing samples: fit, prediction, residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import in_order, is_numpy, namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.correlated import structured_directions
from sigden.hyperspectral.gram import SpectralMoments
from sigden.hyperspectral.regression import regression
from sigden.hyperspectral.subspace import Subspace, leverage_corrected, whitened_subspace
from sigden.hyperspectral.table import Table, band_share
from sigden.hyperspectral.workspace import Workspace

__all__ = ["LowRank", "coefficients_of", "corrected_level", "fit"]

_FILLS = 4
_MOST_MISSING = 0.01  # of a band, up to which its noise level is corrected
_SPECTRA = 256  # whose mean is near enough to that of all


@dataclass(frozen=True, eq=False)
class LowRank:
    """Subspace and coefficients of a cube.

    Parameters
    ----------
    space : Subspace
        Signal subspace.
    coefficients : Table, shape (rows, columns, rank)
        Of unit noise.
    covariance : ndarray, shape (bands, bands)
        Of the spectra.
    """

    space: Subspace
    coefficients: Table
    covariance: Any

    def left_out(self, values: Any, first: int) -> Any:
        """Residuals of some bands as if each had no part in its own prediction.

        Parameters
        ----------
        values : array, shape (bands, pixels)
            Consecutive bands.
        first : int
            Number of the first of them.

        Returns
        -------
        array, shape (bands, pixels)
            New array.
        """
        space, last = self.space, first + values.shape[0]
        back = beside(space.backward()[:, first:last], values)
        leverage = np.minimum(np.sum(space.basis[first:last] ** 2, axis=1), 0.9)
        scale, mean = beside(1 / (1 - leverage), values), beside(space.mean[first:last], values)
        out = namespace(values).empty_like(values)
        for where, inner in self.coefficients.pieces():
            out[:, where] = ((values[:, where].T - mean - inner @ back) * scale).T
        return out


def fit(
    pixels: Table,
    workspace: Workspace,
    flags: Table | None = None,
    sigma: Any = None,
    known: Any = None,
    correct: bool = True,
    rank: int | None = None,
) -> LowRank:
    """Noise level, subspace and coefficients of spectra.

    Parameters
    ----------
    pixels : Table
        Spectra; missing samples hold a guess, which is replaced in place by the prediction of the fit.
    workspace : Workspace
        Where the coefficients are kept.
    flags : Table, optional
        Not zero where a sample is missing.
    sigma : ndarray, shape (bands,), optional
        Noise level of an earlier fit: missing samples lack this noise.
    known : ndarray, shape (bands,), optional
        Noise level that is given and not to be estimated.
    correct : bool
        Take the noise of the prediction off the noise level, see `leverage_corrected`; not while defects
        are still in the data.
    rank : int, optional
        Dimension of the subspace; by `marchenko_pastur_edge` when absent.

    Returns
    -------
    LowRank
        The model.
    """
    found = SpectralMoments(_near_mean(pixels))
    for first, last in pixels.spans():  # pieces are read ahead, of one block alone
        found.add_each(part for _, part in pixels.pieces(first, last))
    covariance, mean = found.covariance, found.mean
    gone = None if flags is None else band_share(flags)
    if gone is not None and sigma is not None:
        covariance = covariance + np.diag(gone * sigma**2)
    count = len(pixels)
    if known is not None:
        space = whitened_subspace(covariance, mean, known, count, rank)
    else:
        plain = regression(covariance, mean, count, pixels.dtype).sigma
        space = whitened_subspace(covariance, mean, plain, count, rank)
        structured = space
        if rank is None:
            every = whitened_subspace(covariance, mean, plain, count, len(plain))
            structured = structured_directions(space, every, pixels)
        if structured is not space:
            space = structured
        elif correct:
            level = corrected_level(covariance, mean, plain, count, gone)
            space = whitened_subspace(covariance, mean, level, count, rank)
    return LowRank(
        space=space, coefficients=coefficients_of(pixels, space, flags, workspace), covariance=covariance
    )


def corrected_level(covariance: Any, mean: Any, plain: Any, count: int, gone: Any) -> Any:
    """Noise level of each band, see `leverage_corrected`; `gone` is what is missing of each, or None."""
    level = leverage_corrected(covariance, mean, plain, count)
    # predictions in a band would let it explain itself
    return level if gone is None else np.where(gone > _MOST_MISSING, plain, level)


def coefficients_of(pixels: Table, space: Subspace, flags: Table | None, workspace: Workspace) -> Table:
    """Coefficients of spectra, in which the prediction is put in place of missing samples."""
    out = workspace.table((*pixels.shape[:2], space.rank), pixels.dtype)
    for first, last in pixels.spans():
        part, inner = pixels.read(first, last), out.blank(first, last)
        marks = None if flags is None else flags.read(first, last)
        where = [pixels.pixels(top - first, bottom - first) for top, bottom in pixels.cuts(first, last)]
        pieces = [(part[w, :], inner[w, :], None if marks is None else marks[w, :]) for w in where]

        def one(piece: tuple[Any, Any, Any]) -> bool:
            spectra, coefficients, marked = piece
            space.project(spectra, out=coefficients)
            return marked is not None and _fill(spectra, marked != 0, space, coefficients)

        if any(list(in_order(one, pieces) if is_numpy(namespace(part)) else map(one, pieces))):
            pixels.write(first, part)
        out.write(first, inner)
    return out


def _fill(pixels: Any, missing: Any, space: Subspace, coefficients: Any) -> bool:
    """Put the prediction in place of missing samples and of their coefficients; True if there are any."""
    if not isinstance(pixels, np.ndarray):
        return _fill_everywhere(pixels, missing, space, coefficients)
    back, mean = beside(space.backward(), pixels), beside(space.mean, pixels)
    struck = np.flatnonzero(missing.any(axis=1))
    if struck.size == 0:
        return False
    part, gone, inner = pixels[struck], missing[struck], coefficients[struck]
    for _ in range(_FILLS):
        np.copyto(part, inner @ back + mean, where=gone)
        inner = space.project(part)
    pixels[struck], coefficients[struck] = part, inner
    return True


def _fill_everywhere(pixels: Any, missing: Any, space: Subspace, coefficients: Any) -> bool:
    """The same for libraries that cannot write to chosen rows: all are computed again."""
    xp = namespace(pixels)
    if not bool(xp.any(missing)):
        return False
    for _ in range(_FILLS):
        pixels[...] = xp.where(missing, space.reconstruct(coefficients), pixels)
        space.project(pixels, out=coefficients)
    return True


def _near_mean(pixels: Table) -> Any:
    """Any spectrum near the mean: that of a few spectra, spread evenly."""
    total, count = np.zeros(pixels.shape[2]), 0
    for spectrum in pixels.every(max(1, len(pixels) // _SPECTRA)):
        total += spectrum
        count += 1
    return total / count
