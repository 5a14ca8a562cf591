"""Prior power of a scene from its sharpest image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigden.arrays import share_out
from sigden.multiband.data.observation import Observation
from sigden.multiband.psf.spectrum import psf_transfer

__all__ = ["ScenePower", "observed_power", "row_blocks", "scene_power", "squared"]

_STEEPEST_TAIL = -2.0
_FIRST_FIT = 3
_BLOCK = 1 << 16


def row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Rows of a plane, so many at a time that what is computed from them stays in the cache."""
    step = max(1, _BLOCK // shape[1])
    return (slice(first, min(first + step, shape[0])) for first in range(0, shape[0], step))


@dataclass(frozen=True, eq=False)
class ScenePower:
    """Isotropic, falling power spectrum.

    Parameters
    ----------
    step : float
        Distance of the frequencies in `curve`.
    curve : numpy.ndarray, shape (frequencies,)
        Power at frequencies 0, step, 2 step, ...
    tail : float
        Exponent of the power law beyond the last one.
    """

    step: float
    curve: Any
    tail: float
    _planes: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def at(self, frequency: Any) -> Any:
        """Power at any frequency, in the unit of `step`.

        Parameters
        ----------
        frequency : numpy.ndarray
            Not negative.

        Returns
        -------
        numpy.ndarray
            Positive.
        """
        index = np.asarray(frequency) / self.step
        last = self.curve.size - 1
        out = np.asarray(np.interp(index, np.arange(last + 1), self.curve))
        beyond = index > last
        out[beyond] = self.curve[last] * (index[beyond] / max(last, 1)) ** self.tail
        return np.maximum(out, 1e-12 * max(float(self.curve[0]), 1e-300))

    def on(self, shape: tuple[int, int], scale: float = 1.0) -> Any:
        """Power of each mode of an image.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns.
        scale : float
            Side of its pixels, in the inverse unit of `step`.

        Returns
        -------
        numpy.ndarray, shape ``(shape[0], shape[1] // 2 + 1)``
            Values on the grid of ``rfft2``.
        """
        key = (*shape, scale)
        if key not in self._planes:
            rows, columns = np.fft.fftfreq(shape[0], scale), np.fft.rfftfreq(shape[1], scale)
            plane = np.empty((rows.size, columns.size))
            half = shape[0] // 2 + 1

            def fill(part: slice) -> None:
                plane[part] = self.at(np.hypot(rows[part, None], columns))
                first, last = max(part.start, 1), min(part.stop, (shape[0] + 1) // 2)
                plane[shape[0] - last + 1 : shape[0] - first + 1] = plane[first:last][::-1]

            share_out(fill, list(row_blocks((half, columns.size))))
            plane.flags.writeable = False
            self._planes[key] = plane
        return self._planes[key]


def scene_power(image: Any, transfer: Any, sigma: float, *, modes: Any = None) -> ScenePower:
    """Isotropic, monotone power spectrum of the scene behind an image.

    Parameters
    ----------
    image : numpy.ndarray, shape (rows, columns)
        The image that holds the finest detail, noise rms `sigma`.
    transfer : numpy.ndarray, complex, shape (rows, columns // 2 + 1)
        Its transfer function.
    sigma : float
        Noise rms per pixel.
    modes : numpy.ndarray, complex, shape (rows, columns // 2 + 1), optional
        Unitary DFT of the image, where it is known.

    Returns
    -------
    ScenePower
        Power of each mode before the PSF, for DFTs divided by the square root of the number of pixels;
        frequencies in cycles per pixel.

    Notes
    -----
    In rings of frequency the noise power is taken off, the ring's power is divided by its squared transfer
    with the weights of least variance, and a falling curve is fitted (isotonic regression). Beyond the last
    ring that stands above twice its error the curve goes on as the power law of the rings before it, no
    flatter than the inverse square.
    """
    from scipy import fft
    from scipy.optimize import isotonic_regression

    rows, columns = image.shape
    modes = fft.rfft2(image, norm="ortho") if modes is None else modes
    along = fft.fftfreq(rows), fft.rfftfreq(columns)
    side = math.sqrt(image.size)
    rings = round(math.hypot(0.5, 0.5) * side) + 2
    # columns that stand for their mirror images too
    double = np.full(modes.shape[1], 2.0)
    double[0] = 1.0
    if columns % 2 == 0:
        double[-1] = 1.0
    blocks = list(row_blocks(modes.shape))
    shares: list[Any] = [None] * len(blocks)

    def add(number: int) -> None:
        part = blocks[number]
        ring = np.rint(np.hypot(along[0][part, None], along[1]) * side).astype(np.int64).ravel()
        response = squared(transfer[part])
        excess = (squared(modes[part]) - sigma**2) * response
        planes = (np.ones_like(response), response, response**2, excess)
        shares[number] = [np.bincount(ring, (v * double).ravel(), minlength=rings) for v in planes]

    share_out(add, range(len(blocks)))
    sums = np.zeros((4, rings))
    for share in shares:
        sums += share
    count, mean_response, weight, power = sums[:, : int(np.flatnonzero(sums[0])[-1]) + 1]
    power = power / np.maximum(weight, 1e-300)
    curve = isotonic_regression(
        np.maximum(power, 0.0), weights=np.maximum(weight, 1e-300), increasing=False
    ).x
    mean_response = mean_response / count
    error = sigma**2 / np.sqrt(count) / np.maximum(mean_response, 1e-300)
    clear = np.flatnonzero(curve > 2.0 * error)
    last = max(int(clear[-1]) if clear.size else 0, 2 * _FIRST_FIT)
    last = min(last, curve.size - 1)
    index = np.arange(curve.size)
    fitted = slice(max(_FIRST_FIT, last // 2), last + 1)
    slope = _STEEPEST_TAIL
    if index[fitted].size > 1:  # images of a few pixels have no rings to fit
        slope = np.polyfit(np.log(index[fitted]), np.log(np.maximum(curve[fitted], 1e-300)), 1)[0]
    return ScenePower(1.0 / math.sqrt(image.size), curve[: last + 1], min(float(slope), _STEEPEST_TAIL))


def squared(values: Any) -> Any:
    """Squared magnitude in double precision."""
    return values.real.astype(np.float64) ** 2 + values.imag.astype(np.float64) ** 2


def observed_power(observation: Observation, scale: float) -> ScenePower:
    """Power of the scene behind an observation, per mode of a grid.

    Parameters
    ----------
    observation : Observation
        Any pixels; masked ones are taken as dark.
    scale : float
        Arcsec per pixel of the grid.

    Returns
    -------
    ScenePower
        For DFTs divided by the square root of the number of pixels of the grid; frequencies in cycles per
        arcsec.
    """
    values = np.asarray(observation.values, dtype=np.float64)
    known = np.asarray(observation.weight) > 0
    sigma = math.sqrt(float(np.mean(observation.noise_variance[known])))
    step = observation.pixel_scale
    psf = np.mean(np.asarray(observation.psf_grid, dtype=np.float64), axis=(0, 1))
    half = psf_transfer(psf, values.shape, psf_scale=float(observation.psf_scale or step), scale=step)
    if not observation.psf_includes_pixel:
        half = half * np.sinc(np.fft.fftfreq(values.shape[0]))[:, None]
        half = half * np.sinc(np.fft.rfftfreq(values.shape[1]))[None, :]
    power = scene_power(values, half, sigma)
    # flux per pixel of the grid: its modes are weaker by the ratio of the pixels' sides
    return ScenePower(power.step / step, power.curve * (scale / step) ** 2, power.tail)
