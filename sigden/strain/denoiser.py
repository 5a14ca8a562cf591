"""Raw strain in, denoised strain out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from sigden.arrays import as_floating, is_numpy, namespace, require_mask, require_ndim
from sigden.arrays.containers import entries, is_collection, rebuild_collection, unpack
from sigden.denoisers.base import Denoiser
from sigden.errors import InputError, ParameterError
from sigden.method import Method, provenance
from sigden.noise import PowerSpectrum, mad_sigma
from sigden.solvers import Solution, Status
from sigden.strain.blocks import BLOCK_SECONDS, HALO_SECONDS, in_blocks, nothing, two_at_a_time
from sigden.strain.checks import agreed_rate, noise_spectrum, require_channel, working_band
from sigden.strain.conditioning import Conditioning
from sigden.strain.figures import RunningFigures
from sigden.strain.gaps import Segments
from sigden.strain.local_estimate import LocalEstimate, local_risk
from sigden.strain.result import StrainResult
from sigden.strain.tracked import tracked

__all__ = ["StrainDenoiser"]

Progress = Callable[[int, int], None]

_DENOISER_TOLERANCE = 1e-4
_SHORTEST_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class StrainDenoiser(Method):
    """Denoise gravitational-wave strain: whiten, band-pass, follow chirp tracks, colour again.

    Parameters
    ----------
    sample_rate : float, optional
        Samples per second. Needed for plain arrays; a TimeSeries brings its own, and another value is an
        error.
    band : tuple of float, optional
        Lower and upper edge in Hz. (35, 350) where absent, the band of the first detections; for whitened
        input the band that holds its power.
    notches : tuple of float, default ()
        Frequencies in Hz of lines to take out of the whitened strain.
    whitened : bool, default False
        Whether the input is whitened already; it is then denoised as it is and comes back in its own unit.
    output : {"calibrated", "whitened"}, default "calibrated"
        Unit of the result: that of the input, or whitened strain in units of the noise sigma.
    segment_seconds : float, default 4.0
        Length of the segments of the median Welch estimate of the noise spectrum.
    denoiser : Denoiser, optional
        Works on the whitened, band-passed strain at unit sigma in place of the default, the posterior mean
        over chirp tracks and inspirals (`tracked`).

    Notes
    -----
    The steps: median Welch PSD (Hann window, segments that touch a gap are left out), zero-phase whitening
    without taper or wrap-round, zero-phase Butterworth band-pass, rescaling by the median absolute deviation,
    division by the ripple that scatter of the spectrum left (`sigden.strain.ripple`, multiplied back later),
    the posterior mean over tracks of chirps of several lengths and over inspirals (`tracked`, or the denoiser
    given, for example rROF [1]_ followed by a band-pass), the inverse of the whitening, and the band-pass
    once more. NaN are gaps: stretches between them are denoised one by one and NaN stay where they were; a
    stretch shorter than 0.1 s holds no estimate (zero). Exactly equal samples for 1/16 s or longer are a gap
    too, with a `FlatStrainWarning`: a detector that is off. Records longer than 18 s go through in blocks of
    16 s that overlap by 1 s on both sides, on two threads.

    The result is free of the input's scale and of a constant offset: strain is denoised in its band, so the
    estimate has no mean. Runs on NumPy arrays.

    References
    ----------
    .. [1] A. Torres-Forne et al., "Total-variation-based methods for gravitational wave denoising", Phys.
       Rev. D 90, 084029 (2014).

    Examples
    --------
    >>> from sigden import StrainDenoiser
    >>> from sigden.simulate import strain
    >>> event = strain(duration=8.0)
    >>> clean = StrainDenoiser(sample_rate=event.sample_rate)(event.data)
    >>> clean.shape == event.data.shape
    True
    """

    axes: ClassVar[str] = "(..., time)"

    sample_rate: float | None = None
    band: tuple[float, float] | None = None
    notches: tuple[float, ...] = ()
    whitened: bool = False
    output: Literal["calibrated", "whitened"] = "calibrated"
    segment_seconds: float = 4.0
    denoiser: Denoiser | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate is not None and not (math.isfinite(self.sample_rate) and self.sample_rate > 0):
            raise ParameterError(f"sample_rate: must be positive, got {self.sample_rate}")
        if self.band is not None and not 0 <= self.band[0] < self.band[1]:
            raise ParameterError(f"band: expected 0 <= low < high, got {self.band}")
        if not (math.isfinite(self.segment_seconds) and self.segment_seconds > 0):
            raise ParameterError(f"segment_seconds: must be positive, got {self.segment_seconds}")
        if self.denoiser is not None and self.denoiser.axes != self.axes:
            raise ParameterError(
                f"denoiser: {self.denoiser.name()} works on {self.denoiser.axes}, strain is {self.axes}"
            )
        if self.output not in ("calibrated", "whitened"):
            raise ParameterError(f"output: expected 'calibrated' or 'whitened', got {self.output!r}")

    def __call__(self, data: Any, *, mask: Any = None) -> Any:
        """Denoise strain of any container.

        Parameters
        ----------
        data : array, Quantity, NDData, TimeSeries, or a mapping of them (one per detector)
            Strain with time on the last axis; NaN is a gap. Never modified.
        mask : array of bool, or a mapping of them, optional
            True where a sample is a gap; one array holds for every detector.

        Returns
        -------
        same container
            Denoised strain with the unit (none where ``output="whitened"``), time axis, name and channel of
            the input.

        Raises
        ------
        InputError
            If the sample rates disagree or are unknown, a channel is constant, or no stretch is long enough.

        Warns
        -----
        FlatStrainWarning
            If samples are exactly equal for 1/16 s or longer; they become a gap.
        """
        if is_collection(data):
            return self._collection(data, mask)
        sample = unpack(data, mask=mask, label="strain")
        solution = self._solve(sample.values, sample.mask, sample.sample_rate, sample.label)
        record = provenance(self, sample.values, mask=sample.mask) if sample.has_meta else None
        return sample.rebuild(
            solution.estimate, uncertainty=solution.details["uncertainty"], provenance=record
        )

    def solve(self, values: Any, *, mask: Any = None) -> Solution:
        """Denoise a plain NumPy array.

        Parameters
        ----------
        values : array, shape (..., n)
            Strain; NaN is a gap.
        mask : array of bool, optional
            True where a sample is a gap.

        Returns
        -------
        Solution
            `details` holds ``uncertainty`` (same shape) and ``results``, a `StrainResult` per channel.

        Raises
        ------
        InputError
            As `__call__`.
        """
        return self._solve(values, mask, None, "strain")

    def analyse(
        self,
        values: Any,
        *,
        sample_rate: float | None = None,
        t0: float = 0.0,
        label: str = "strain",
        progress: Progress | None = None,
    ) -> StrainResult:
        """Denoise one channel and keep everything found on the way.

        Parameters
        ----------
        values : array, shape (n,)
            Strain; NaN is a gap.
        sample_rate : float, optional
            Samples per second, where the method itself does not say.
        t0 : float
            Time of the first sample in seconds.
        label : str
            Name for error messages.
        progress : callable, optional
            ``progress(done, total)`` in samples, after every block.

        Returns
        -------
        StrainResult
            Estimates, residual and uncertainty, whitened and in the calibration of the input.

        Raises
        ------
        InputError
            As `__call__`.
        """
        return self._analysed(values, sample_rate, t0, label, progress)[0]

    def _analysed(
        self,
        values: Any,
        sample_rate: float | None = None,
        t0: float = 0.0,
        label: str = "strain",
        progress: Progress | None = None,
    ) -> tuple[StrainResult, Conditioning, Any]:
        """Result, what conditioned it, and the estimate without the ripple of the whitening."""
        rate = agreed_rate(self, sample_rate, label)
        x = require_channel(values, rate, label)
        band = working_band(self, x, rate)
        psd = None if self.whitened else noise_spectrum(x, rate, self.segment_seconds, label)
        steps = self._conditioning(psd, rate, band)
        prepared = [(part, steps.whitened(x[part])) for part in Segments.of(x)]
        # one level for the whole record: short stretches cannot measure it
        sigma = float(mad_sigma(np.concatenate([white for _, white in prepared])))
        if not sigma > 0:
            raise InputError(
                f"{label}: the band {band[0]:g}-{band[1]:g} Hz holds no noise; choose another band"
            )
        names = ("z", "smooth", "clean", "error", "denoised", "residual", "uncertainty")
        out = {name: np.full(x.size, np.nan) for name in names}
        worst, iterations, done, certificate = 0.0, 0, 0, LocalEstimate.certificate
        for part, white in prepared:
            z = white / sigma
            smooth = steps.without_ripple(z)
            local = self._blocks(smooth, rate, band, partial(_report, progress, done, x.size))
            clean = steps.with_ripple(local.estimate)
            worst, iterations = max(worst, local.gap), iterations + local.iterations
            certificate = local.certificate
            out["z"][part], out["clean"][part], out["error"][part] = z, clean, local.uncertainty
            out["smooth"][part] = local.estimate
            both = steps.coloured(np.stack([clean, z - clean]) * sigma)
            out["denoised"][part], out["residual"][part] = both
            out["uncertainty"][part] = sigma * steps.coloured_error(local.estimate, local.uncertainty)
            done += z.size
        figures = RunningFigures(rate, band, t0)
        figures.add(out["z"], out["clean"])
        result = StrainResult(
            denoised=out["denoised"],
            residual=out["residual"],
            uncertainty=out["uncertainty"],
            whitened=out["z"],
            whitened_denoised=out["clean"],
            whitened_uncertainty=out["error"],
            psd=psd,
            band=band,
            sample_rate=rate,
            t0=t0,
            sigma=sigma,
            figures=figures.figures(worst, iterations),
            certificate=certificate,
        )
        return result, steps, out["smooth"]

    def _conditioning(
        self, psd: PowerSpectrum | None, rate: float, band: tuple[float, float]
    ) -> Conditioning:
        return Conditioning(
            psd,
            rate,
            band,
            notches=self.notches,
            limited=psd is not None or self.band is not None,
            impulse_seconds=min(1.0, self.segment_seconds / 2),
        )

    def _collection(self, data: Any, mask: Any) -> Any:
        rates = {key: unpack(value, label=str(key)).sample_rate for key, value in data.items()}
        known = {key: rate for key, rate in rates.items() if rate is not None}
        if len(set(known.values())) > 1:
            listed = ", ".join(f"{key} at {rate:g} Hz" for key, rate in known.items())
            raise InputError(
                f"strain: the detectors' sample rates differ ({listed}); resample them to one rate"
            )
        masks = entries(mask, data, "mask")
        return rebuild_collection(data, {k: self(v, mask=masks[k]) for k, v in data.items()})

    def _solve(self, values: Any, mask: Any, sample_rate: float | None, label: str) -> Solution:
        start = time.perf_counter()
        if not is_numpy(namespace(values)):
            raise InputError(
                f"{label}: StrainDenoiser runs on NumPy arrays; copy the strain to the host first"
            )
        values = as_floating(values, label)
        require_ndim(values, 1, label)
        if mask is not None:
            require_mask(mask, values, label)
        gaps = np.where(mask, np.nan, values) if mask is not None else values
        rows = gaps.reshape(-1, gaps.shape[-1])
        labels = [label if len(rows) == 1 else f"{label}[{i}]" for i in range(len(rows))]
        one = partial(self.analyse, sample_rate=sample_rate)
        channels = list(zip(rows, labels, strict=True))
        results = list(two_at_a_time(lambda channel: one(channel[0], label=channel[1]), channels))
        white = self.output == "whitened"
        estimate = np.stack([r.whitened_denoised if white else r.denoised for r in results])
        error = np.stack([r.whitened_uncertainty if white else r.uncertainty for r in results])
        gap = max(r.figures["solver_gap"] for r in results)
        return Solution(
            estimate=estimate.reshape(values.shape).astype(values.dtype, copy=False),
            status=Status.CONVERGED if gap <= _DENOISER_TOLERANCE else Status.MAX_ITER,
            iterations=int(sum(r.figures["solver_iterations"] for r in results)),
            gap=gap,
            seconds=time.perf_counter() - start,
            details={
                "uncertainty": error.reshape(values.shape).astype(values.dtype, copy=False),
                "results": tuple(results),
                "certificate": results[0].certificate,
            },
        )

    def _blocks(
        self, z: Any, rate: float, band: tuple[float, float], progress: Callable[[int], None]
    ) -> LocalEstimate:
        n = z.size
        if self._too_short(n, rate):
            return nothing(n)
        block, halo = round(BLOCK_SECONDS * rate), round(HALO_SECONDS * rate)
        if n <= block + 2 * halo:
            block = n
        estimate = partial(self._estimate, rate=rate, band=band)
        return in_blocks(estimate, z, 0, n, block=block, halo=halo, progress=progress)

    def _too_short(self, size: int, rate: float) -> bool:
        return size < _SHORTEST_SECONDS * rate

    def _estimate(self, z: Any, rate: float, band: tuple[float, float]) -> LocalEstimate:
        if not z.any():  # a detector that is off
            return nothing(z.size)
        if self.denoiser is None:
            return tracked(z, rate, band)
        return local_risk(z, partial(self.denoiser.solve, sigma=1.0), rate, band)


def _report(progress: Progress | None, before: int, total: int, done: int) -> None:
    if progress is not None:
        progress(before + done, total)
