"""A patch of sky seen by Euclid VIS and by Rubin in r, i and z, with its truth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from sigden.errors import ParameterError
from sigden.simulate.light import band_fluxes, mixture_weights, sersic_map
from sigden.simulate.optics import (
    annular_transfer,
    gaussian_transfer,
    kolmogorov_transfer,
    pixel_transfer,
    sheared,
    tapered,
)

__all__ = ["Scene", "Source", "scene"]

_SCALE = 0.1  # arcsec per VIS pixel
_RUBIN = 2  # VIS pixels along a Rubin pixel
_FINE = 4  # cells of the rendering grid along a VIS pixel
_ZERO_POINT = 30.0
_SEEING_BY_BAND = (1.0, 0.965, 0.94)
_FIELD = 0.62  # part of the half side within which sources lie


@dataclass(frozen=True)
class Source:
    """One entry of a scene's catalogue.

    Parameters
    ----------
    kind : {"galaxy", "star"}
        What it is.
    row, column : float
        Centre, in VIS pixels; 0 is the centre of the first one.
    flux : tuple of float
        Total flux in r, i and z.
    vis_flux : float
        Total flux in VIS.
    """

    kind: Literal["galaxy", "star"]
    row: float
    column: float
    flux: tuple[float, ...]
    vis_flux: float


@dataclass(frozen=True, eq=False)
class Scene:
    """Images of one patch of sky, with its truth.

    Parameters
    ----------
    bands : tuple of str
        Names of the Rubin bands.
    vis : array, shape (n, n)
        VIS image, flux per pixel.
    rubin : array, shape (3, n/2, n/2)
        Rubin images, flux per pixel; a pixel covers 2 x 2 VIS pixels.
    truth : array, shape (3, n, n)
        Scene in the Rubin bands, free of noise, at the target resolution on the VIS pixels.
    psf_vis : array, shape (p, p)
        Effective PSF of VIS, pixel included, at VIS pixel spacing.
    psf_rubin : array, shape (3, p, p)
        Effective PSFs of Rubin, Rubin pixel included, at VIS pixel spacing.
    psf_target : array, shape (p, p)
        Effective PSF of the truth, a Gaussian, at VIS pixel spacing.
    sigma_vis : float
        Standard deviation of the noise per VIS pixel.
    sigma_rubin : array, shape (3,)
        Standard deviation of the noise per Rubin pixel.
    alpha : array, shape (3,)
        Weights of r, i, z in VIS for a source of flat f_nu: elsewhere VIS is only nearly their sum.
    catalogue : tuple of Source
        What is there.
    scale, rubin_scale : float
        Arcsec per pixel.
    target_fwhm : float
        Full width at half maximum of the target PSF, arcsec.
    zero_point : float
        AB magnitude of unit flux.
    """

    bands: tuple[str, ...]
    vis: Any
    rubin: Any
    truth: Any
    psf_vis: Any
    psf_rubin: Any
    psf_target: Any
    sigma_vis: float
    sigma_rubin: Any
    alpha: Any
    catalogue: tuple[Source, ...]
    scale: float
    rubin_scale: float
    target_fwhm: float
    zero_point: float

    @property
    def response(self) -> dict[str, dict[str, float]]:
        """Weight of each band in VIS, as the multiband methods take it."""
        return {"VIS": dict(zip(self.bands, map(float, self.alpha), strict=True))}

    def images(self) -> list[dict[str, Any]]:
        """Each image with its noise, PSF and place: the arguments of `sigden.multiband.Observation`.

        Returns
        -------
        list of dict
            VIS first, then the Rubin bands; arrays are those of the scene.

        Examples
        --------
        >>> from sigden.multiband import Observation
        >>> from sigden.simulate.scene import scene
        >>> sky = scene(seed=3, size=64, psf_size=41)
        >>> [Observation(**image).band for image in sky.images()]
        ['VIS', 'r', 'i', 'z']
        """
        vis = {"image": self.vis, "psf": self.psf_vis, "band": "VIS", "sigma": float(self.sigma_vis)}
        shift = (self.rubin_scale - self.scale) / 2
        place = {"scale": self.rubin_scale, "offset": (shift, shift), "psf_scale": self.scale}
        rubin = zip(self.rubin, self.psf_rubin, self.bands, self.sigma_rubin, strict=True)
        return [
            {**vis, "scale": self.scale},
            *(
                {"image": image, "psf": psf, "band": band, "sigma": float(sigma), **place}
                for image, psf, band, sigma in rubin
            ),
        ]


def scene(
    seed: int = 0,
    *,
    size: int = 128,
    galaxies: int | None = None,
    stars: int | None = None,
    vis_depth: float = 26.2,
    rubin_depths: tuple[float, float, float] = (27.5, 26.8, 26.1),
    target_fwhm: float = 0.2,
    psf_size: int = 101,
    noise: bool = True,
    exact_mixture: bool = False,
) -> Scene:
    """Simulate galaxies and stars as Euclid VIS and Rubin r, i, z see them.

    Parameters
    ----------
    seed : int
        Of `numpy.random.SeedSequence`; sky and noise are drawn on their own.
    size : int
        VIS pixels along each side, even, at least 16.
    galaxies, stars : int, optional
        How many; by default 4 to 7 galaxies in 128 x 128 pixels, and a star in every other scene.
    vis_depth, rubin_depths : float
        AB magnitudes of a point source at five standard deviations: the Euclid Wide Survey and ten years of
        Rubin by default; one year is 1.25 shallower.
    target_fwhm : float
        Full width at half maximum of the truth's PSF, arcsec, at least 0.15.
    psf_size : int
        Samples along each side of a PSF image, odd.
    noise : bool
        Whether to add noise.
    exact_mixture : bool
        Make VIS exactly the weighted sum of the bands.

    Returns
    -------
    Scene
        Images, PSFs, noise levels, truth and catalogue.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    A galaxy is a Sersic bulge, an exponential disc and up to seven knots, each with its own spectrum and so
    its own colour. Everything is built on cells of a quarter of a VIS pixel and convolved with the PSFs by
    Fourier transform; stars and knots are exact there. VIS: 1.2 m
    telescope with obscuration 0.3 at 725 nm, and jitter. Rubin: Kolmogorov seeing of 0.65 to 0.8 arcsec and
    a Gaussian of 0.25 arcsec, slightly elliptical. The PSFs fade to zero at the border of their images,
    which therefore hold all light. An image is the convolved scene, the pixel included, at the pixel
    centres, times the pixel area. Noise is white and Gaussian.

    Examples
    --------
    >>> from sigden.simulate.scene import scene
    >>> sky = scene(seed=3, size=64)
    >>> sky.vis.shape, sky.rubin.shape
    ((64, 64), (3, 32, 32))
    """
    _check(size, galaxies, stars, target_fwhm, psf_size)
    sky_seed, noise_seed = np.random.SeedSequence(seed).spawn(2)
    rng = np.random.default_rng(sky_seed)
    grid = _Grid(size, -(-psf_size // 16) * 8)  # rounded up for fast transforms
    vis_transfer, rubin_transfers = _instruments(rng, grid)
    target, psf_target = _lens(grid, gaussian_transfer(*grid.frequencies(), target_fwhm), psf_size)
    vis_lens, psf_vis = _lens(grid, vis_transfer, psf_size)
    lenses = [_lens(grid, transfer, psf_size) for transfer in rubin_transfers]
    psf_rubin = np.stack([psf for _, psf in lenses])
    alpha = mixture_weights()
    spectra, catalogue = _sky(rng, grid, galaxies, stars)
    if exact_mixture:
        spectra[3] = np.tensordot(alpha, spectra[:3], axes=1)
        catalogue = tuple(replace(s, vis_flux=float(alpha @ np.asarray(s.flux))) for s in catalogue)
    truth = np.stack([grid.observe(s * target, 1) for s in spectra[:3]])
    vis = grid.observe(spectra[3] * vis_lens, 1)
    rubin = np.stack([grid.observe(s * t, _RUBIN) for s, (t, _) in zip(spectra[:3], lenses, strict=True)])
    sigma_vis = _sigma(vis_depth, psf_vis)
    native = slice((psf_size // 2) % _RUBIN, None, _RUBIN)
    sigma_rubin = np.asarray(
        [_sigma(d, _RUBIN**2 * p[native, native]) for d, p in zip(rubin_depths, psf_rubin, strict=True)]
    )
    if noise:
        draw = np.random.default_rng(noise_seed)
        vis = vis + sigma_vis * draw.standard_normal(vis.shape)
        rubin = rubin + sigma_rubin[:, None, None] * draw.standard_normal(rubin.shape)
    return Scene(
        bands=("r", "i", "z"),
        vis=vis,
        rubin=rubin,
        truth=truth,
        psf_vis=psf_vis,
        psf_rubin=psf_rubin,
        psf_target=psf_target,
        sigma_vis=sigma_vis,
        sigma_rubin=sigma_rubin,
        alpha=alpha,
        catalogue=catalogue,
        scale=_SCALE,
        rubin_scale=_RUBIN * _SCALE,
        target_fwhm=target_fwhm,
        zero_point=_ZERO_POINT,
    )


def _check(size: int, galaxies: int | None, stars: int | None, target_fwhm: float, psf_size: int) -> None:
    if size < 16 or size % 2:
        raise ParameterError(f"size: must be even and at least 16, got {size}")
    for name, count in (("galaxies", galaxies), ("stars", stars)):
        if count is not None and count < 0:
            raise ParameterError(f"{name}: must not be negative, got {count}")
    if not target_fwhm >= 0.15:
        raise ParameterError(f"target_fwhm: the pixels of 0.1 arcsec hold 0.15 and more, got {target_fwhm}")
    if psf_size < 3 or psf_size % 2 == 0:
        raise ParameterError(f"psf_size: must be odd and at least 3, got {psf_size}")


@dataclass(frozen=True)
class _Grid:
    """Periodic rendering grid; the margin, in VIS pixels, keeps what leaves the field from coming back."""

    size: int
    margin: int

    @property
    def cells(self) -> int:
        return (self.size + 2 * self.margin) * _FINE

    @property
    def step(self) -> float:
        return _SCALE / _FINE

    def frequencies(self) -> tuple[Any, Any]:
        """Row and column frequencies, cycles per arcsec."""
        return np.fft.fftfreq(self.cells, self.step)[:, None], np.fft.rfftfreq(self.cells, self.step)

    def observe(self, spectrum: Any, factor: int) -> Any:
        """Flux per pixel of `factor` VIS pixels, at the pixel centres."""
        field = np.fft.irfft2(spectrum, s=(self.cells, self.cells))
        start = _FINE * self.margin + _FINE * (factor - 1) // 2
        chosen = slice(start, start + _FINE * self.size, _FINE * factor)
        return field[chosen, chosen] * (_FINE * factor) ** 2

    def points(self, place: tuple[float, float], fwhm: float) -> Any:
        """Fourier transform of a point, or a Gaussian, at a place in cells."""
        row, column = self.frequencies()
        turn = -2j * np.pi * self.step
        wave = np.exp(turn * row * place[0]) * np.exp(turn * column * place[1])
        return wave * gaussian_transfer(row, column, fwhm) if fwhm > 0 else wave


def _instruments(rng: np.random.Generator, grid: _Grid) -> tuple[Any, list[Any]]:
    """Effective transfer functions, pixel included, of VIS and of the Rubin bands."""
    row, column = grid.frequencies()
    seen = sheared(row, column, _pair(rng, 0.01))
    vis = annular_transfer(*seen) * gaussian_transfer(*seen, 0.09) * pixel_transfer(row, column, _SCALE)
    seeing = rng.uniform(0.65, 0.80)
    pixel = pixel_transfer(row, column, _RUBIN * _SCALE)
    rubin = []
    for factor in _SEEING_BY_BAND:
        seen = sheared(row, column, _pair(rng, 0.02))
        rubin.append(kolmogorov_transfer(*seen, seeing * factor) * gaussian_transfer(*seen, 0.25) * pixel)
    return vis, rubin


def _pair(rng: np.random.Generator, width: float) -> tuple[float, float]:
    return float(rng.normal(0, width)), float(rng.normal(0, width))


def _lens(grid: _Grid, transfer: Any, psf_size: int) -> tuple[Any, Any]:
    """Transfer function of a PSF that its image holds whole, and that image."""
    middle = psf_size // 2
    transfer, spread = tapered(transfer, grid.step, middle * _SCALE)
    index = _FINE * np.arange(-middle, middle + 1)
    psf = spread[np.ix_(index, index)]
    return transfer, psf / psf.sum()


def _sigma(depth: float, psf: Any) -> float:
    """Noise per pixel at which a point source of this magnitude is five standard deviations, PSF-weighted."""
    return 10 ** (-0.4 * (depth - _ZERO_POINT)) / 5 * math.sqrt(float(np.sum(psf**2)))


def _sky(
    rng: np.random.Generator, grid: _Grid, galaxies: int | None, stars: int | None
) -> tuple[Any, tuple[Source, ...]]:
    """Fourier transforms of the scene in r, i, z and VIS, shape (4, ...), and what is in it."""
    area = (grid.size / 128) ** 2
    drawn = max(1, round(int(rng.integers(4, 8)) * area)), int(rng.uniform() < 0.5)
    counts = drawn[0] if galaxies is None else galaxies, drawn[1] if stars is None else stars
    total = np.zeros((4, grid.cells, grid.cells // 2 + 1), dtype=np.complex128)
    catalogue: list[Source] = []
    half = (grid.size - 1) / 2
    for k in range(sum(counts)):
        reach = half * _FIELD if k else min(5.0, half)
        row, column = half + rng.uniform(-reach, reach, 2)
        place = (row + grid.margin) * _FINE, (column + grid.margin) * _FINE
        if k < counts[0]:
            kind: Literal["galaxy", "star"] = "galaxy"
            flux = _add_galaxy(total, rng, grid, place)
        else:
            kind = "star"
            flux = _flux(rng.uniform(20.5, 23.0)) * band_fluxes((rng.uniform(-0.5, 2.0), 0.0))
            total += flux[:, None, None] * grid.points(place, 0.0)
        bands = tuple(float(f) for f in flux[:3])
        catalogue.append(Source(kind, float(row), float(column), bands, float(flux[3])))
    return total, tuple(catalogue)


def _flux(magnitude: float) -> float:
    return 10 ** (-0.4 * (magnitude - _ZERO_POINT))


def _add_galaxy(total: Any, rng: np.random.Generator, grid: _Grid, place: tuple[float, float]) -> Any:
    """Add one galaxy in place; its fluxes in r, i, z and VIS."""
    shape, step = (grid.cells, grid.cells), grid.step
    light = _flux(rng.uniform(20.1, 24.4))
    redshift = rng.uniform(0.1, 1.0)
    radius = rng.uniform(0.35, 1.1)
    in_bulge = rng.uniform(0.1, 0.7)
    shear = rng.normal(0, 0.2, 2)
    shear *= min(1.0, 0.6 / max(float(np.hypot(*shear)), 1e-9))
    g1, g2 = (float(g) for g in shear)
    disc = sersic_map(shape, step, place, radius, 1.0, (g1, g2), truncation=6.0)
    small = radius * rng.uniform(0.15, 0.4)
    bulge = sersic_map(shape, step, place, small, rng.uniform(2, 4), (g1 / 2, g2 / 2), truncation=6.0)
    parts = [
        (1 - in_bulge, "late spiral", np.fft.rfft2(disc)),
        (in_bulge, "elliptical", np.fft.rfft2(bulge)),
    ]
    for _ in range(rng.integers(0, 8)):
        away, angle = radius * math.sqrt(rng.exponential(0.5)), rng.uniform(0, 2 * math.pi)
        spot = place[0] + away * math.sin(angle) / step, place[1] + away * math.cos(angle) / step
        parts.append((rng.uniform(0.01, 0.06), "irregular", grid.points(spot, 0.08)))
    whole = sum(weight for weight, _, _ in parts)
    flux = np.zeros(4)
    for weight, spectrum, image in parts:
        part = light * weight / whole * band_fluxes(spectrum, redshift)
        total += part[:, None, None] * image
        flux += part
    return flux
