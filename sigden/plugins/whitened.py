"""Denoise the whitened strain of a search pipeline, detector by detector, between the edges and at them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from sigden.arrays import first_index
from sigden.denoisers.base import Denoiser
from sigden.errors import InputError, ParameterError, SigdenError
from sigden.method import Method
from sigden.noise import mad_sigma
from sigden.strain import StrainDenoiser, band_pass

__all__ = ["WhitenedDenoising", "noise_level"]

_LOG = logging.getLogger(__name__)
_AXES = "(..., time)"
_BLOCK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class WhitenedDenoising(Method):
    """What a pipeline does with its whitened strain before it searches.

    Parameters
    ----------
    denoiser : StrainDenoiser or Denoiser, optional
        Works on strain of unit noise. `StrainDenoiser`, the default, is told that its input is whitened.
    fallback : {"error", "whitened"}, default "error"
        What happens where a detector's strain cannot be denoised: stop with the error, or go on with the
        whitened strain as it is and say so in the log. Strain that is not finite always stops.
    """

    denoiser: StrainDenoiser | Denoiser | None = None
    fallback: Literal["error", "whitened"] = "error"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.denoiser is not None and self.denoiser.axes != _AXES:
            raise ParameterError(
                f"denoiser: {self.denoiser.name()} works on {self.denoiser.axes}, strain is {_AXES}"
            )

    def apply(
        self,
        values: Any,
        *,
        sample_rate: float,
        edge_seconds: float,
        band: tuple[float, float],
        label: str = "strain",
    ) -> Any:
        """Denoise one detector.

        Parameters
        ----------
        values : array of float64, shape (n,)
            Whitened strain; never modified.
        sample_rate : float
            Hz.
        edge_seconds : float
            Length at each end where whitening rings: not used for the noise level of the rest.
        band : tuple of float
            Band of the search in Hz; the result of a `Denoiser` is limited to it.
        label : str
            Name of the detector, for messages.

        Returns
        -------
        array of float64, shape (n,)
            The estimate in the unit of the input, finite.

        Raises
        ------
        InputError
            If the strain is not finite, holds no noise or is shorter than its edges; what the denoiser
            raises besides. With ``fallback="whitened"`` only the first.
        """
        x = np.asarray(values, dtype=np.float64)
        bad = ~np.isfinite(x)
        if bad.any():
            raise InputError(
                f"{label}: the whitened strain is not finite at sample {first_index(bad)[0]} "
                f"({int(bad.sum())} in all); look at the conditioning before it"
            )
        denoiser = self.denoiser or StrainDenoiser()
        try:
            level = noise_level(x, sample_rate, edge_seconds, label=label)
            estimate = _of_unit_noise(denoiser, x / level, sample_rate, band, label) * level
            if not np.isfinite(estimate).all():
                raise InputError(f"{label}: {denoiser.name()} gave an estimate that is not finite")
        except SigdenError as error:
            if self.fallback == "error":
                raise
            _LOG.warning("%s is searched as it was whitened, without denoising: %s", label, error)
            return x.copy()
        _LOG.info(
            "%s: %s, noise sigma %.4g, rms %.4g -> %.4g",
            label, denoiser.name(), level[x.size // 2], np.std(x / level), np.std(estimate / level),
        )  # fmt: skip
        return estimate


def noise_level(values: Any, sample_rate: float, edge_seconds: float, *, label: str = "strain") -> Any:
    """Noise level of whitened strain at each sample.

    Parameters
    ----------
    values : array of float64, shape (n,)
        Whitened strain.
    sample_rate : float
        Hz.
    edge_seconds : float
        Length at each end where whitening rings.
    label : str
        Name for messages.

    Returns
    -------
    array of float64, shape (n,)
        The median absolute deviation of the core over 0.6745, constant there; within the edges that of blocks
        of half a second, never below the core's, joined by straight lines.

    Raises
    ------
    InputError
        If nothing is left between the edges, or the core holds no noise.
    """
    x = np.asarray(values, dtype=np.float64)
    n, edge = x.size, round(edge_seconds * sample_rate)
    if n <= 2 * edge:
        raise InputError(
            f"{label}: {n / sample_rate:g} s leave nothing between edges of {edge_seconds:g} s; "
            "give longer segments"
        )
    core = float(mad_sigma(x[edge : n - edge]))
    if not core > 0:
        raise InputError(f"{label}: the whitened strain holds no noise")
    if edge == 0:
        return np.full(n, core)
    count = max(1, int(edge / max(1, round(_BLOCK_SECONDS * sample_rate))))
    bounds = np.arange(count + 1) * edge // count
    places = [*_centres(bounds), float(edge), n - edge - 1.0, *_centres(bounds + n - edge)]
    levels = [
        *_block_levels(x, bounds, core), core, core, *_block_levels(x, bounds + n - edge, core),
    ]  # fmt: skip
    return np.interp(np.arange(n), places, levels)


def _of_unit_noise(
    denoiser: StrainDenoiser | Denoiser, z: Any, sample_rate: float, band: tuple[float, float], label: str
) -> Any:
    if isinstance(denoiser, StrainDenoiser):
        if denoiser.sample_rate not in (None, sample_rate):
            raise InputError(
                f"{label}: sampled at {sample_rate:g} Hz, but the denoiser says "
                f"sample_rate={denoiser.sample_rate:g}; leave it out"
            )
        found = denoiser.replace(whitened=True, sample_rate=sample_rate)(z)
        # a detector that is off stays as it is: pipelines know no NaN
        return np.where(np.isnan(found), z, found)
    estimate = denoiser.solve(z, sigma=1.0).estimate
    # total variation leaves edges that hold all frequencies
    return band_pass(estimate, sample_rate, (max(band[0], 0.0), min(band[1], sample_rate / 2)))


def _centres(bounds: Any) -> Any:
    return (bounds[:-1] + bounds[1:] - 1) / 2


def _block_levels(x: Any, bounds: Any, least: float) -> list[float]:
    return [max(least, float(mad_sigma(x[first:last]))) for first, last in pairwise(bounds)]
