"""The way of a cube: search for defects, subspace, eigen-images, denoise, reconstruct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.denoisers.starlet.fill import fill_masked
from sigden.errors import InputError
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.model import LowRank, fit
from sigden.hyperspectral.noise_power import block_power
from sigden.hyperspectral.prepare import Prepared, prepare
from sigden.hyperspectral.result import Components, CubeResult
from sigden.hyperspectral.screen import Defects, Search, screen
from sigden.hyperspectral.stabilise import Stabiliser, variance_law
from sigden.hyperspectral.subspace import Subspace
from sigden.hyperspectral.weak import with_weak_directions
from sigden.noise import difference_sigma

__all__ = ["ImageStep", "denoise_cube"]

ImageStep = Callable[[Any, Any], tuple[Any, Any]]
"""Eigen-images of unit noise, shape (rank, rows, columns), and their noise power to estimates and gain."""

_CHUNK = 8192
_NOISE_IMAGES = 8
_HOPELESS = 0.5  # missing part of a spectrum from which its neighbours decide


def denoise_cube(
    cube: Any, sigma: Any, mask: Any, step: ImageStep, *, search: Search, rank: int | None, adapt: bool
) -> CubeResult:
    """Denoise a plain cube.

    Parameters
    ----------
    cube, sigma, mask : array
        As the methods take them.
    step : callable
        Denoiser of the eigen-images.
    search : Search
        Defects that are looked for.
    rank : int or None
        Dimension of the subspace, where it is given.
    adapt : bool
        Whether signal-dependent and correlated noise and weak directions are looked for.

    Returns
    -------
    CubeResult
        Estimate and what was learnt.
    """
    work = prepare(cube, sigma, mask)
    if work.pixels.shape[1] < 2 or (work.sigma is not None and not work.sigma.any()):
        return _unchanged(work)
    pixels, shape = work.pixels, work.shape
    if len(pixels) - int(work.outside.sum()) <= shape[2] + 1:
        raise InputError(
            f"cube: {len(pixels)} spectra do not determine the noise of {shape[2]} bands; "
            "give a larger cube, or bin the bands"
        )
    defects = screen(pixels, shape, work.missing, work.sigma, search)
    missing = defects.missing
    relative = work.pixel_scale
    if relative is not None:
        pixels /= relative[:, None].astype(pixels.dtype)
    model = _settled(pixels, shape, missing, work.sigma, rank)
    level = model.space.band_noise()
    law = variance_law(pixels, model, missing) if adapt and work.sigma is None else None
    if law is not None:
        law.forward(pixels)
        model = _settled(pixels, shape, missing, None, rank)
    if adapt and rank is None:
        space = with_weak_directions(model.space, pixels, model.coefficients, shape, missing)
        if space is not model.space:
            model = LowRank(space, _project(pixels, space, missing), model.covariance)
    power = _noise_power(pixels, model.space, shape) if adapt else np.ones((8, 8))
    images = np.ascontiguousarray(model.coefficients.T).reshape(-1, *shape[:2])
    if missing is not None:
        hopeless = missing.mean(axis=1) > _HOPELESS
        if hopeless.any() and not hopeless.all():
            gone = np.broadcast_to(hopeless.reshape(1, *shape[:2]), images.shape)
            images = fill_masked(images, gone)
    estimate, gain = step(images, power)
    return _rebuild(work, defects, model.space, level, relative, law, estimate, gain, power)


def _settled(pixels: Any, shape: tuple[int, int, int], missing: Any, known: Any, rank: int | None) -> LowRank:
    """Fit; with missing samples a second time, on their better prediction."""
    model = fit(pixels, shape, missing, None, known, rank=rank)
    if missing is not None:
        for _ in range(2):
            model = fit(pixels, shape, missing, model.space.sigma, known, rank=rank)
    return model


def _project(pixels: Any, space: Subspace, missing: Any) -> Any:
    from sigden.hyperspectral.model import fill

    coefficients = space.project(pixels)
    return coefficients if missing is None else fill(pixels, missing, space, coefficients)


def _noise_power(pixels: Any, space: Subspace, shape: tuple[int, int, int]) -> Any:
    """Noise power of 8 x 8 blocks, from directions that hold no signal."""
    alive = space.sigma > 0
    free = int(alive.sum()) - space.rank
    if free < 1 or min(shape[:2]) < 16:
        return np.ones((8, 8))
    mixed = np.random.default_rng(0).standard_normal((shape[2], min(_NOISE_IMAGES, free)))
    mixed[~alive] = 0
    mixed -= space.basis @ (space.basis.T @ mixed)
    directions = np.linalg.qr(mixed)[0]
    matrix = directions * np.where(alive, 1 / np.where(alive, space.sigma, 1), 0)[:, None]
    noise = np.empty((matrix.shape[1], len(pixels)), dtype=pixels.dtype)
    start, mean, small = 0, space.mean.astype(pixels.dtype), matrix.astype(pixels.dtype)
    for part in chunks(pixels, _CHUNK):
        noise[:, start : start + len(part)] = ((part - mean) @ small).T
        start += len(part)
    images = noise.reshape(-1, *shape[:2])
    if space.level is not None:  # levels are those of the finest details there
        images /= difference_sigma(images, axes=(-2, -1))[:, None, None]
    return block_power(images)


def _rebuild(
    work: Prepared,
    defects: Defects,
    space: Subspace,
    level: Any,
    relative: Any,
    law: Stabiliser | None,
    images: Any,
    gain: Any,
    power: Any,
) -> CubeResult:
    """Cube in the unit and with all bands of the input."""
    values, used, scale = work.values, work.used, work.scale
    rows, columns, bands = values.shape
    dtype = values.dtype
    # stabilised bands have a unit of their own
    unit = np.full(space.sigma.size, scale) if law is None else np.where(law.gain > 0, 1.0, scale)
    own = replace(space, mean=space.mean * unit, sigma=space.sigma * unit)
    whole = np.ascontiguousarray(images.reshape(space.rank, -1).T)
    out = work.pixels  # no longer needed: its memory takes the estimate
    back, mean = own.backward().astype(dtype), own.mean.astype(dtype)
    start = 0
    for part in chunks(whole, _CHUNK):
        piece = out[start : start + len(part)]
        np.matmul(part, back, out=piece)
        piece += mean
        if relative is not None:
            piece *= relative[start : start + len(part), None].astype(dtype)
        start += len(part)
    if law is not None:
        law = Stabiliser(law.gain * scale, law.base * scale**2)
        law.inverse(out)
    sigma = level * scale
    if relative is not None:
        sigma = sigma * float(np.sqrt(np.mean(relative.astype(np.float64) ** 2)))
    if not used.all():
        full = values.reshape(-1, bands).copy()
        full[:, used] = out
        out = full
    if work.outside.any():
        out[work.outside] = values.reshape(-1, bands)[work.outside]
    return CubeResult(
        estimate=out.reshape(values.shape),
        sigma=_all_bands(sigma, used),
        pixel_scale=None if relative is None else relative.reshape(rows, columns),
        stabiliser=None
        if law is None
        else Stabiliser(_all_bands(law.gain, used), _all_bands(law.base, used)),
        space=replace(
            own,
            mean=_all_bands(own.mean, used),
            sigma=_all_bands(own.sigma, used),
            basis=_all_bands(own.basis, used),
            noise=None,
        ),
        eigen_images=images,
        gain=gain,
        components=_components(defects, used, scale, (rows, columns, bands)),
        noise_power=power,
    )


def _all_bands(part: Any, used: Any) -> Any:
    """Values of the used bands among zeros."""
    out = np.zeros((used.size, *part.shape[1:]))
    out[used] = part
    return out


def _components(defects: Defects, used: Any, scale: float, shape: tuple[int, int, int]) -> Components:
    def flags(part: Any) -> Any:
        if part is None:
            return None
        out = np.zeros((shape[0] * shape[1], shape[2]), dtype=bool)
        out[:, used] = part
        return out.reshape(shape)

    columns, rows = np.zeros((shape[1], shape[2])), np.zeros((shape[0], shape[2]))
    columns[:, used], rows[:, used] = defects.columns * scale, defects.rows * scale
    return Components(flags(defects.dead), flags(defects.impulses), columns, rows)


def _unchanged(work: Prepared) -> CubeResult:
    """Result for a cube without noise or without contrast."""
    rows, columns, bands = work.values.shape
    space = Subspace(np.zeros(bands), np.zeros(bands), np.zeros((bands, 0)), np.zeros(bands))
    images = np.zeros((0, rows, columns), dtype=work.values.dtype)
    none = Components(None, None, np.zeros((columns, bands)), np.zeros((rows, bands)))
    return CubeResult(
        work.values.copy(), np.zeros(bands), None, None, space, images, images, none, np.ones((8, 8))
    )
