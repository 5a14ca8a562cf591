"""One image of the scene: values, noise, PSF and place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sigden.arrays import as_floating, device_of, first_index, namespace, require_array, require_finite
from sigden.errors import InputError, ParameterError
from sigden.multiband.data.scene_image import SceneImage
from sigden.multiband.psf.images import check_psf

__all__ = ["Observation", "check_observations"]

ARCSEC2_PER_STERADIAN = (180.0 * 3600.0 / math.pi) ** 2


@dataclass(frozen=True, eq=False)
class Observation(SceneImage):
    """Image of the scene in one band by one instrument.

    Parameters
    ----------
    image : array, shape ``(rows, columns)``
        Flux per pixel, in any unit linear in flux.
    psf : array or callable
        Centred PSF of odd size and unit sum, shape ``(size, size)``. A PSF that varies over the field is an
        array ``(nodes, nodes, size, size)`` of PSFs at evenly spread places, first and last at the centres of
        the corner pixels, or a function ``psf(row, column)`` of a place in pixels of this image.
    band : str
        Name of the band.
    sigma : float or array, optional
        Noise rms per pixel, a number or a map.
    variance : float or array, optional
        Noise variance per pixel, instead of `sigma`; infinite where a pixel has no information.
    scale : float, optional
        Arcsec per pixel, square pixels; that of `wcs` by default.
    offset : tuple of float, optional
        Place (row, column) in arcsec of the centre of pixel (0, 0), from the centre of the grid's pixel
        (0, 0). Without meaning when `wcs` is given.
    wcs : astropy.wcs.WCS, optional
        Where the pixels are in the sky.
    psf_scale : float, optional
        Distance of the samples of `psf` in arcsec; `scale` by default. A PSF narrower than two pixels needs
        an oversampled image.
    psf_includes_pixel : bool, optional
        True for an effective PSF, False for that of the optics and the atmosphere alone. The pixel is then
        convolved by the forward operator, and only then.
    mask : array of bool, optional
        True where a pixel is to be ignored.
    unit : str, optional
        Unit of `image`.
    background : float or array, optional
        Level to take off, in the unit of `image`.
    surface_brightness : bool, optional
        Whether `image` is flux per solid angle: per steradian if `unit` names ``sr``, else per square arcsec.
    psf_nodes : tuple of int, optional
        Rows and columns of places at which a callable `psf` is asked.

    Raises
    ------
    InputError
        Naming the band: if an array has the wrong shape, dtype or library; a pixel is not finite and not
        masked; noise is negative; the PSF is even-sized, not normalised or larger than the image.
    ParameterError
        Naming the band: if the scale is missing, both `sigma` and `variance` are given, or a number is out of
        range.

    Warns
    -----
    TruncatedPSFWarning
        If the PSF does not fall off towards its edge.
    OffCentrePSFWarning
        If the light of the PSF is off its middle sample.
    """

    def __post_init__(self) -> None:
        what = self._what
        if not isinstance(self.band, str) or not self.band:
            raise ParameterError(f"Observation band: expected a name, got {self.band!r}")
        xp = require_array(self.image, f"{what}: image")
        if self.image.ndim != 2 or 0 in self.image.shape:
            raise InputError(f"{what}: image must be (rows, columns), got shape {tuple(self.image.shape)}")
        self._set("image", as_floating(self.image, f"{what}: image"))
        self._check_mask(xp)
        require_finite(self.image, f"{what}: image", mask=self.mask)
        if self.sigma is not None and self.variance is not None:
            raise ParameterError(f"{what}: both sigma and variance are given; give one")
        for name in ("sigma", "variance"):
            self._check_noise(name)
        self._check_background()
        self._settle_place()
        if not callable(self.psf):
            self._set("psf", self._checked_psf(self.psf))
        elif len(self.psf_nodes) != 2 or not all(int(n) == n and n > 0 for n in self.psf_nodes):
            raise ParameterError(f"{what}: psf_nodes must be two positive integers, got {self.psf_nodes!r}")

    def _same_place(self, array: Any, name: str) -> Any:
        """Namespace of an array that must be a map over the image."""
        what = f"{self._what}: {name}"
        xp = require_array(array, what)
        if xp is not namespace(self.image) or device_of(array) != device_of(self.image):
            raise InputError(f"{what} is not in the library or on the device of the image; move it first")
        return xp

    def _as_map(self, array: Any, name: str) -> Any:
        self._same_place(array, name)
        if tuple(array.shape) != tuple(self.image.shape):
            raise InputError(
                f"{self._what}: {name} of shape {tuple(array.shape)} does not fit the image "
                f"{tuple(self.image.shape)}"
            )
        return as_floating(array, f"{self._what}: {name}")

    def _check_mask(self, xp: Any) -> None:
        if self.mask is None:
            return
        self._same_place(self.mask, "mask")
        if not xp.isdtype(self.mask.dtype, "bool"):
            raise InputError(f"{self._what}: mask must be of bool, got dtype {self.mask.dtype}")
        if tuple(self.mask.shape) != tuple(self.image.shape):
            raise InputError(
                f"{self._what}: mask of shape {tuple(self.mask.shape)} does not fit the image "
                f"{tuple(self.image.shape)}"
            )
        if bool(xp.all(self.mask)):
            raise InputError(f"{self._what}: every pixel is masked")

    def _check_noise(self, name: str) -> None:
        value, what = getattr(self, name), f"{self._what}: {name}"
        if value is None:
            return
        if getattr(value, "ndim", 0) == 0:
            number = float(value)
            if not (math.isfinite(number) and number > 0):
                raise InputError(f"{what} must be positive and finite, got {number:g}")
            self._set(name, number)
            return
        noise = self._as_map(value, name)
        bad = ~(noise > 0)
        if self.mask is not None:
            bad = bad & ~self.mask
        if bool(namespace(noise).any(bad)):
            index = first_index(bad)
            raise InputError(
                f"{what} must be positive, got {float(noise[index]):g} at index {index}; mask the pixel "
                "or give it infinite variance"
            )
        self._set(name, noise)

    def _check_background(self) -> None:
        value = self.background
        if getattr(value, "ndim", 0) == 0:
            number = float(value)
            if not math.isfinite(number):
                raise InputError(f"{self._what}: background must be finite, got {number:g}")
            self._set("background", number)
            return
        level = self._as_map(value, "background")
        require_finite(level, f"{self._what}: background", mask=self.mask)
        self._set("background", level)

    def _checked_psf(self, psf: Any) -> Any:
        what = f"{self._what}: psf"
        self._same_place(psf, "psf")
        if psf.ndim not in (2, 4):
            raise InputError(
                f"{what} must be (size, size) or (nodes, nodes, size, size), got {tuple(psf.shape)}"
            )
        values = check_psf(psf, what)
        for n, pixels in zip(values.shape[-2:], self.image.shape, strict=True):
            # Half a pixel of grace, for samples that stand in pixel centres.
            if n * float(self.psf_scale or 0.0) > pixels * self.pixel_scale * (1 + 1e-9):
                raise InputError(
                    f"{what} covers {n * float(self.psf_scale or 0.0):g}\", more than the image's "
                    f'{pixels * self.pixel_scale:g}"; crop it with crop_psf'
                )
        return values

    @cached_property
    def transfers(self) -> dict[Any, Any]:
        """Transfer functions of `psf` on small grids, once asked for; parts of a mosaic share them."""
        return {}

    @property
    def flux_factor(self) -> float:
        """Factor from the unit of `image` to flux per pixel: the pixel's solid angle, or one."""
        if not self.surface_brightness:
            return 1.0
        area = self.pixel_scale**2
        return area / ARCSEC2_PER_STERADIAN if "sr" in _words(self.unit) else area

    @cached_property
    def values(self) -> Any:
        """Flux per pixel in the precision of `image`, background taken off, zero where masked."""
        xp = namespace(self.image)
        if isinstance(self.background, float) and self.background == 0.0 and self.flux_factor == 1.0:
            values = self.image
        else:
            values = xp.astype((self.image - self.background) * self.flux_factor, self.image.dtype)
        return values if self.mask is None else xp.where(self.mask, xp.zeros_like(values), values)

    @property
    def uniform_sigma(self) -> float | None:
        """Noise rms of `values` where one number was given for all pixels and none is masked, else None."""
        if self.mask is not None:
            return None
        if isinstance(self.sigma, float):
            return self.sigma * self.flux_factor
        return math.sqrt(self.variance) * self.flux_factor if isinstance(self.variance, float) else None

    @cached_property
    def noise_variance(self) -> Any:
        """Map of the variance of `values` in float64, as given where masked.

        Raises
        ------
        ParameterError
            If neither `sigma` nor `variance` is given.
        """
        xp = namespace(self.image)
        if self.sigma is None and self.variance is None:
            raise ParameterError(
                f"{self._what}: neither sigma nor variance is given; sigden.noise.mad_sigma estimates one"
            )
        # In double precision: squares of fluxes in physical units leave the range of float32.
        given = self.variance if self.sigma is None else self.sigma
        noise = xp.ones_like(self.image, dtype=xp.float64)
        noise = noise * (given if isinstance(given, float) else xp.astype(given, xp.float64))
        return (noise if self.sigma is None else noise**2) * self.flux_factor**2

    @cached_property
    def weight(self) -> Any:
        """Map of the inverse variance of `values` in float64, zero where masked.

        Raises
        ------
        ParameterError
            If neither `sigma` nor `variance` is given.
        """
        xp = namespace(self.image)
        variance = self.noise_variance
        if self.mask is not None:
            variance = xp.where(self.mask, xp.ones_like(variance), variance)
        weight = 1.0 / variance
        return weight if self.mask is None else xp.where(self.mask, xp.zeros_like(weight), weight)

    @property
    def varying_psf(self) -> bool:
        """Whether the PSF varies over the field."""
        return callable(self.psf) or self.psf.ndim == 4

    @cached_property
    def psf_grid(self) -> Any:
        """PSFs at evenly spread places, shape ``(nodes, nodes, size, size)``; one node if the PSF is fixed.

        Raises
        ------
        InputError
            If a callable PSF returns what is no PSF, or images of different sizes.
        """
        xp = namespace(self.image)
        if not callable(self.psf):
            return self.psf if self.psf.ndim == 4 else self.psf[None, None, ...]
        places = [_spread(n, m) for n, m in zip(self.shape, self.psf_nodes, strict=True)]
        psf_at: Callable[[float, float], Any] = self.psf
        found = [[self._checked_psf(psf_at(row, column)) for column in places[1]] for row in places[0]]
        sizes = {tuple(one.shape) for line in found for one in line}
        if len(sizes) > 1 or len(next(iter(sizes))) != 2:
            raise InputError(f"{self._what}: psf(row, column) must give images of one size, got {sizes}")
        return xp.stack([xp.stack(line) for line in found])


def _spread(size: int, nodes: int) -> list[float]:
    if nodes == 1:
        return [(size - 1) / 2]
    return [i * (size - 1) / (nodes - 1) for i in range(nodes)]


def _words(unit: str | None) -> list[str]:
    letters = "".join(c if c.isalpha() else " " for c in str(unit or ""))
    return letters.split()


def check_observations(observations: Sequence[Observation]) -> tuple[Observation, ...]:
    """Observations that can be used together.

    Parameters
    ----------
    observations : sequence of Observation
        Any number of bands and instruments; a band may come more than once.

    Returns
    -------
    tuple of Observation
        The same.

    Raises
    ------
    InputError
        If there is none, one is not an `Observation`, units differ, only some have a WCS, or the arrays
        belong to different libraries or devices.
    """
    given = tuple(observations) if isinstance(observations, Sequence) else ()
    if not given:
        raise InputError("observations: expected a list with at least one Observation")
    for index, one in enumerate(given):
        if not isinstance(one, Observation):
            raise InputError(f"observations[{index}]: expected an Observation, got {type(one).__name__}")
    first = given[0]
    for one in given[1:]:
        mine, theirs = _flux_unit(first), _flux_unit(one)
        if mine != theirs:
            raise InputError(
                f"units differ: band {first.band!r} has {mine!r}, band {one.band!r} has {theirs!r}; convert"
            )
        if (one.wcs is None) != (first.wcs is None):
            missing = one if one.wcs is None else first
            raise InputError(f"band {missing.band!r}: wcs missing, while other bands have one")
        if _place(one) != _place(first):
            raise InputError(
                f"bands {first.band!r} and {one.band!r}: arrays of different libraries or devices; move one"
            )
    return given


def _place(observation: Observation) -> tuple[Any, Any]:
    return namespace(observation.image), device_of(observation.image)


def _flux_unit(observation: Observation) -> str | None:
    """Unit of `values`: without the solid angle that the conversion took off."""
    if observation.unit is None:
        return None
    from astropy.units import Unit, arcsec

    try:
        unit = Unit(str(observation.unit))
    except ValueError:
        return "".join(str(observation.unit).split())
    if observation.surface_brightness:
        per = Unit("sr") if "sr" in _words(observation.unit) else arcsec**2
        unit = unit * per if any(b in unit.bases for b in per.bases) else unit
    return str(unit.to_string())
