"""The way of a cube: search for defects, subspace, eigen-images, denoise, reconstruct."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.denoisers.starlet.fill import fill_masked
from sigden.errors import InputError
from sigden.hyperspectral.beside import among, beside, contiguous, matmul
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.model import LowRank, coefficients_of, fit
from sigden.hyperspectral.noise_power import noise_power
from sigden.hyperspectral.photon_tail import without_photon_tail
from sigden.hyperspectral.prepare import Prepared, prepare
from sigden.hyperspectral.result import Components, CubeResult
from sigden.hyperspectral.screen import DEAD, IMPULSE, Defects, screen
from sigden.hyperspectral.second_pass import last_pass
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.hyperspectral.steps import Recipe
from sigden.hyperspectral.subspace import Subspace
from sigden.hyperspectral.table import Table
from sigden.hyperspectral.variance_law import variance_law
from sigden.hyperspectral.weak import with_weak_directions
from sigden.hyperspectral.workspace import Workspace

__all__ = ["Analysis", "all_bands", "analyse", "denoise_cube", "nothing_to_do"]

_CHUNK = 8192
_ROUNDING = 1e-6  # of the largest value: noise below it may be that of single precision, and has no law
_BENT = 2  # times as many directions after the transform show that it bends the signal
_HOPELESS = 0.5  # missing part of a spectrum from which its neighbours decide


def denoise_cube(cube: Any, sigma: Any, mask: Any, recipe: Recipe) -> CubeResult:
    """Denoise a cube in memory.

    Parameters
    ----------
    cube, sigma, mask : array
        As the methods take them.
    recipe : Recipe
        What is looked for and done.

    Returns
    -------
    CubeResult
        Estimate and what was learnt.
    """
    work = prepare(cube, sigma, mask)
    workspace, xp = Workspace(like=work.values), namespace(work.values)
    if nothing_to_do(work):
        return _unchanged(work)
    rows, columns, _ = work.shape
    last = last_pass(analyse(work, recipe, workspace), recipe, workspace)
    found = last.found
    images, gain = last.run(0, rows)
    # the spectra are no longer needed: their memory takes the estimate
    out = found.reconstruct(images, slice(None), work.pixels)
    values, used = work.values, work.used
    flat = xp.reshape(values, (-1, values.shape[2]))
    if not used.all():
        out = among(out, used, flat)
    if bool(xp.any(work.outside)):
        out = xp.where(work.outside[:, None], flat, out)
    relative = found.pixel_level
    return CubeResult(
        estimate=xp.reshape(out, values.shape),
        sigma=beside(found.sigma, values, np.float64),
        pixel_scale=None if relative is None else xp.reshape(relative, (rows, columns)),
        stabiliser=found.stabiliser(),
        space=found.whole_space(),
        eigen_images=images,
        gain=gain,
        components=_components(found, (rows, columns)),
        noise_power=found.power,
    )


def nothing_to_do(work: Prepared) -> bool:
    """Whether a cube has no noise or no contrast; one with too few spectra is refused."""
    rows, columns, bands = work.shape
    if bands < 2 or (work.sigma is not None and not work.sigma.any()):
        return True
    if rows * columns - int(namespace(work.outside).count_nonzero(work.outside)) <= bands + 1:
        raise InputError(
            f"cube: {rows * columns} spectra do not determine the noise of {bands} bands; "
            "give a larger cube, or bin the bands"
        )
    return False


@dataclass(eq=False)
class Analysis:
    """What was learnt of a cube, and its coefficients.

    Parameters
    ----------
    work : Prepared
        The cube.
    defects : Defects
        What was taken off, in the unit of the prepared spectra.
    space : Subspace
        Signal subspace.
    coefficients : Table, shape (rows, columns, rank)
        Of unit noise.
    level : ndarray, shape (used bands,)
        Noise level of each band.
    law : Stabiliser or None
        Law of the noise, where it grows with the signal.
    power : ndarray, shape (8, 8)
        Noise power of blocks of the eigen-images.
    linear : bool
        Whether the subspace is that of spectra in linear units although there is a law.
    uneven : ndarray, shape (pixels,), or None
        Noise level of each pixel relative to its band by the law, where spectra are not divided by it.
    """

    work: Prepared
    defects: Defects
    space: Subspace
    coefficients: Table
    level: Any
    law: Stabiliser | None
    power: Any
    linear: bool = False
    uneven: Any = None

    def __post_init__(self) -> None:
        scale = self.work.scale
        # stabilised bands have a unit of their own
        unit = (
            np.full(self.space.sigma.size, scale)
            if self.law is None or self.linear
            else np.where(self.law.gain > 0, 1.0, scale)
        )
        self._own = replace(self.space, mean=self.space.mean * unit, sigma=self.space.sigma * unit)
        self._law = None if self.law is None else Stabiliser(self.law.gain * scale, self.law.base * scale**2)

    @property
    def relative(self) -> Any:
        """Given noise level of each pixel, by which spectra are divided, shape (pixels,), or None."""
        return self.work.pixel_scale

    @property
    def pixel_level(self) -> Any:
        """Noise level of each pixel relative to its band, given or by the law, or None."""
        return self.relative if self.uneven is None else self.uneven

    @property
    def sigma(self) -> Any:
        """Noise level of every band in the unit of the data."""
        sigma = self.level * self.work.scale
        if self.relative is not None:
            sigma = sigma * math.sqrt(float(namespace(self.relative).mean(self.relative**2)))
        return all_bands(sigma, self.work.used)

    def images(self, first: int, last: int) -> Any:
        """Some rows of the eigen-images, shape (rank, rows, columns)."""
        part = self.coefficients.read(first, last)
        shape = self.space.rank, last - first, self.coefficients.shape[1]
        return namespace(part).reshape(contiguous(part.T), shape)

    def reconstruct(self, images: Any, where: slice, out: Any) -> Any:
        """Spectra of eigen-images in the unit of the data.

        Parameters
        ----------
        images : ndarray, shape (rank, rows, columns)
            Some rows of the eigen-images.
        where : slice
            Numbers of their pixels.
        out : ndarray, shape (pixels, used bands)
            Takes the spectra.

        Returns
        -------
        ndarray
            `out`.
        """
        xp = namespace(out)
        back, mean = beside(self._own.backward(), out), beside(self._own.mean, out)
        relative = None if self.relative is None else xp.astype(self.relative[where], out.dtype)
        flat = contiguous(xp.reshape(images, (self.space.rank, -1)).T)
        start = 0
        for part, piece in zip(chunks(flat, _CHUNK), chunks(out, _CHUNK), strict=True):
            matmul(part, back, piece)
            piece += mean
            if relative is not None:
                piece *= relative[start : start + part.shape[0], None]
            start += part.shape[0]
        if self._law is not None:
            (self._law.bound if self.linear else self._law.inverse)(out)
        return out

    def whole_space(self) -> Subspace:
        """Subspace of all bands, in the unit of the data."""
        used = self.work.used
        return replace(
            self._own,
            mean=all_bands(self._own.mean, used),
            sigma=all_bands(self._own.sigma, used),
            basis=all_bands(self._own.basis, used),
            noise=None,
        )

    def stabiliser(self) -> Stabiliser | None:
        """Law of the noise of all bands in units of the data's scale, or None."""
        if self._law is None:
            return None
        used = self.work.used
        return Stabiliser(all_bands(self._law.gain, used), all_bands(self._law.base, used))

    def stripes(self) -> tuple[Any, Any]:
        """Offsets of columns and of rows in all bands, in the unit of the data."""
        columns, rows = (
            all_bands(part.T, self.work.used).T * self.work.scale
            for part in (self.defects.columns, self.defects.rows)
        )
        return columns, rows


def analyse(work: Prepared, recipe: Recipe, workspace: Workspace) -> Analysis:
    """Everything but the eigen-images' denoising; the spectra are changed in place.

    Parameters
    ----------
    work : Prepared
        The cube.
    recipe : Recipe
        What is looked for.
    workspace : Workspace
        Memory that may be used.

    Returns
    -------
    Analysis
        Subspace, coefficients and what is needed for the way back.
    """
    pixels, rank, adapt = work.table, recipe.rank, recipe.adapt
    workspace.tell("searching for defects")
    defects = screen(pixels, workspace, work.flags, work.sigma, recipe.search)
    flags = defects.flags
    relative = work.pixel_scale
    if relative is not None:

        def divide(where: slice, spectra: Any) -> None:
            spectra /= namespace(spectra).astype(relative[where, None], spectra.dtype)

        pixels.update(divide)
    workspace.tell("finding the subspace")
    model = _settled(pixels, workspace, flags, work.sigma, rank)
    level = model.space.band_noise()
    noisy = bool(np.any(level > _ROUNDING))
    law = None
    if adapt and noisy and work.sigma is None:
        law = _law(work, model, defects, workspace, rank)
        if law is not None and without_photon_tail(work, defects, law):
            model = _settled(pixels, workspace, defects.flags, None, rank)
            law = _law(work, model, defects, workspace, rank) or law
        flags, level = defects.flags, model.space.band_noise()
    linear = False
    if law is not None:
        before = model.space
        forward, undo = law.forward, law.undo
        pixels.update(lambda where, spectra: forward(spectra))
        model = _settled(pixels, workspace, flags, None, rank)
        bent = model.space.level is not None or model.space.rank > _BENT * before.rank
        if before.level is None and bent:
            # the transform bends the signal by more than the noise: the law serves the second pass alone,
            # which noise that is correlated along the spectrum does not get
            linear = recipe.step.led is not None and model.space.level is None
            pixels.update(lambda where, spectra: undo(spectra))
            model = _settled(pixels, workspace, flags, None, rank)
            linear = linear and model.space.level is None
            law = law if linear else None
    space, coefficients = model.space, model.coefficients
    if adapt and rank is None:
        space = with_weak_directions(space, pixels, coefficients, workspace, flags)
        if space is not model.space:
            coefficients = coefficients_of(pixels, space, flags, workspace)
    power = noise_power(pixels, space) if adapt else np.ones((8, 8))
    if flags is not None:
        _fill_hopeless(coefficients, flags)
    return Analysis(work, defects, space, coefficients, level, law, power, linear)


def _law(
    work: Prepared, model: LowRank, defects: Defects, workspace: Workspace, rank: int | None
) -> Stabiliser | None:
    """Law of the noise, where it grows with the signal."""
    pixels, flags = work.table, defects.flags
    return variance_law(pixels, model, flags, lambda: _settled(pixels, workspace, flags, None, rank))


def _settled(
    pixels: Table, workspace: Workspace, flags: Table | None, known: Any, rank: int | None
) -> LowRank:
    """Fit; with missing samples a second time, on their better prediction."""
    model = fit(pixels, workspace, flags, None, known, rank=rank)
    if flags is not None:
        for _ in range(2):
            model = fit(pixels, workspace, flags, model.space.sigma, known, rank=rank)
    return model


def _fill_hopeless(coefficients: Table, flags: Table) -> None:
    """Coefficients of spectra that are mostly missing, from those of their neighbours."""
    shape = 1, *coefficients.shape[:2]
    xp = namespace(flags.read(0, 1))
    most = int(_HOPELESS * flags.shape[2])
    hopeless = xp.concat([xp.count_nonzero(part, axis=1) > most for _, part in flags.pieces()])
    if not bool(xp.any(hopeless)) or bool(xp.all(hopeless)):
        return
    for k in range(coefficients.shape[2]):
        image = xp.reshape(coefficients.bands(k, k + 1), shape)
        filled = fill_masked(image, xp.reshape(hopeless, shape))
        coefficients.put_bands(k, xp.reshape(filled, (1, -1)))


def all_bands(part: Any, used: Any) -> Any:
    """Values of the used bands among zeros."""
    out = np.zeros((used.size, *part.shape[1:]))
    out[used] = part
    return out


def _components(found: Analysis, shape: tuple[int, int]) -> Components:
    used, values = found.work.used, found.work.values
    xp = namespace(values)

    def marked(flag: int) -> Any:
        if found.defects.flags is None:
            return None
        part = (found.defects.flags.read(0, shape[0]) & flag) != 0
        return xp.reshape(among(part, used), (*shape, used.size)) if bool(xp.any(part)) else None

    stripes = (beside(offsets, values, np.float64) for offsets in found.stripes())
    return Components(marked(DEAD), marked(IMPULSE), *stripes)


def _unchanged(work: Prepared) -> CubeResult:
    """Result for a cube without noise or without contrast."""
    values = work.values
    rows, columns, bands = values.shape
    xp = namespace(values)
    space = Subspace(np.zeros(bands), np.zeros(bands), np.zeros((bands, 0)), np.zeros(bands))
    images = xp.zeros_like(values[:, :, :0])
    images = xp.permute_dims(images, (2, 0, 1))
    sigma, by_column, by_row = (
        beside(np.zeros(shape), values, np.float64) for shape in (bands, (columns, bands), (rows, bands))
    )
    none = Components(None, None, by_column, by_row)
    estimate = xp.asarray(values, copy=True)
    return CubeResult(estimate, sigma, None, None, space, images, images, none, np.ones((8, 8)))
