"""Raw strain in, denoised strain out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from sigden.arrays import as_floating, first_index, is_numpy, namespace, require_mask, require_ndim
from sigden.arrays.containers import is_collection, rebuild_collection, unpack
from sigden.denoisers.base import Denoiser
from sigden.errors import InputError, ParameterError
from sigden.method import Method, provenance
from sigden.noise import PowerSpectrum, mad_sigma, welch_psd
from sigden.solvers import Solution, Status
from sigden.strain.adaptive import LocalEstimate, local_risk
from sigden.strain.filters import band_pass, find_lines, notch
from sigden.strain.gaps import Segments
from sigden.strain.occupied import occupied_band
from sigden.strain.result import StrainResult
from sigden.strain.tracked import tracked
from sigden.strain.whitening import Whitening

__all__ = ["LINE_QUALITY", "StrainDenoiser"]

Progress = Callable[[int, int], None]

_DEFAULT_BAND = (35.0, 350.0)
SHORTEST_STRETCH = 0.1
BLOCK_SECONDS = 16.0
HALO_SECONDS = 1.0
THREADS = 2
_DENOISER_TOLERANCE = 1e-4
FEWEST_SEGMENTS = 2
LINE_QUALITY = 15.0
_FEWEST_SAMPLES = 64.0  # independent ones, in the band and the record: what the local risk averages


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
        over chirp tracks (`tracked`).

    Notes
    -----
    The steps: median Welch PSD (Hann window, segments that touch a gap are left out), zero-phase whitening
    without taper or wrap-round, zero-phase Butterworth band-pass, rescaling by the median absolute deviation,
    the posterior mean over tracks of chirps of several lengths (`tracked`, or the denoiser given, for example
    rROF [1]_ followed by a band-pass), the inverse of the whitening, and the band-pass once more. NaN are
    gaps: stretches between them are denoised one by one and NaN stay where they were; a stretch shorter than
    0.1 s holds no estimate (zero). Records longer than 18 s go through in blocks of 16 s that overlap by 1 s
    on both sides, on two threads.

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
        mask : array of bool, optional
            True where a sample is a gap.

        Returns
        -------
        same container
            Denoised strain with the unit (none where ``output="whitened"``), time axis, name and channel of
            the input.

        Raises
        ------
        InputError
            If the sample rates disagree or are unknown, a channel is constant, or no stretch is long enough.
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
        rate = self._rate(sample_rate, label)
        x = _checked(values, label)
        band = self._band(x, rate)
        psd = None if self.whitened else self._spectrum(x, rate, label)
        n = x.size
        out = {name: np.full(n, np.nan) for name in ("whitened", "clean", "error", "denoised", "residual")}
        worst, steps, done = 0.0, 0, 0
        prepared = [(part, *self._prepare(x[part], psd, rate, band)) for part in Segments.of(x)]
        # one level for the whole record: short stretches cannot measure it
        inside = np.concatenate([white for _, white, _ in prepared])
        sigma = float(mad_sigma(inside))
        if not sigma > 0:
            raise InputError(
                f"{label}: the band {band[0]:g}-{band[1]:g} Hz holds no noise; choose another band"
            )
        lines = () if psd is None else tuple(f for f in find_lines(psd) if band[0] < f < band[1])
        colour = self._colour_rms(psd, band, lines)
        for part, white, whitening in prepared:
            z = white / sigma
            # what is left of a line after whitening would be taken for a track
            free = notch(z, rate, lines, LINE_QUALITY) if z.size > 1 else z
            local = self._blocks(free, rate, band, partial(_report, progress, done, n))
            worst, steps = max(worst, local.gap), steps + local.iterations
            out["whitened"][part], out["clean"][part], out["error"][part] = (
                z,
                local.estimate,
                local.uncertainty,
            )
            # colouring lifts a line's bins a hundredfold, where the estimate is nothing but error
            quiet = notch(local.estimate, rate, lines, LINE_QUALITY) if z.size > 1 else local.estimate
            out["denoised"][part] = coloured(quiet * sigma, whitening, rate, band)
            out["residual"][part] = coloured((z - quiet) * sigma, whitening, rate, band)
            done += z.size
        return StrainResult(
            denoised=out["denoised"],
            residual=out["residual"],
            uncertainty=out["error"] * (sigma if psd is None else colour),
            whitened=out["whitened"],
            whitened_denoised=out["clean"],
            whitened_uncertainty=out["error"],
            psd=psd,
            band=band,
            sample_rate=rate,
            t0=t0,
            sigma=sigma,
            figures=figures_of(out, rate, band, t0, worst, steps),
        )

    def coloured(self, whitened: Any, result: StrainResult) -> Any:
        """Whitened samples of one stretch in the calibration of the input.

        Parameters
        ----------
        whitened : numpy.ndarray, shape (n,)
            Samples in the unit of the whitened strain before it was divided by ``result.sigma``.
        result : StrainResult
            What `analyse` found: its spectrum and band are used.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Strain in the band.
        """
        if result.psd is None:
            return whitened
        whitening = self._whitening(result.psd, result.sample_rate, whitened.size)
        return coloured(whitened, whitening, result.sample_rate, result.band)

    def _whitening(self, psd: PowerSpectrum, rate: float, size: int) -> Whitening:
        return Whitening(psd, rate, size, impulse_seconds=min(1.0, self.segment_seconds / 2))

    def _collection(self, data: Any, mask: Any) -> Any:
        rates = {key: unpack(value, label=str(key)).sample_rate for key, value in data.items()}
        known = {key: rate for key, rate in rates.items() if rate is not None}
        if len(set(known.values())) > 1:
            listed = ", ".join(f"{key} at {rate:g} Hz" for key, rate in known.items())
            raise InputError(
                f"strain: the detectors' sample rates differ ({listed}); resample them to one rate"
            )
        return rebuild_collection(
            data, {k: self(v, mask=None if mask is None else mask[k]) for k, v in data.items()}
        )

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
        with ThreadPoolExecutor(max_workers=min(len(rows), THREADS)) as pool:
            one = partial(self.analyse, sample_rate=sample_rate)
            results = list(pool.map(lambda row, name: one(row, label=name), rows, labels))
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
                "certificate": "relative duality gap",
            },
        )

    def _rate(self, given: float | None, label: str) -> float:
        if given is None and self.sample_rate is None:
            raise InputError(f"{label}: the sample rate is unknown; give sample_rate or a TimeSeries")
        if (
            given is not None
            and self.sample_rate is not None
            and not math.isclose(given, self.sample_rate, rel_tol=1e-9)
        ):
            raise InputError(
                f"{label}: sampled at {given:g} Hz, but the method says sample_rate={self.sample_rate:g}"
            )
        return float(given if given is not None else self.sample_rate or 0.0)

    def _band(self, x: Any, rate: float) -> tuple[float, float]:
        band = self.band or (occupied_band(x, rate) if self.whitened else _DEFAULT_BAND)
        if band[1] > rate / 2:
            raise ParameterError(
                f"band: {band[1]:g} Hz exceeds half the sample rate, {rate / 2:g} Hz; lower it or resample"
            )
        width, clean = band[1] - band[0], float(np.sum(~np.isnan(x)))
        if 2.0 * width * clean / rate < _FEWEST_SAMPLES:
            raise ParameterError(
                f"band: {width:g} Hz over {clean / rate:g} s hold too few independent samples; widen it to "
                f"{_FEWEST_SAMPLES * rate / (2.0 * clean):.3g} Hz or give a longer record"
            )
        coarsest = min(band[0] or math.inf, width)
        if not self.whitened and 1.0 / self.segment_seconds > coarsest / 2.0:
            raise ParameterError(
                f"segment_seconds: {self.segment_seconds:g} s resolve {1.0 / self.segment_seconds:g} Hz, "
                f"too coarse for the band {band[0]:g}-{band[1]:g} Hz; give at least {2.0 / coarsest:.3g} s"
            )
        for line in self.notches:
            if not 0 < line < rate / 2:
                raise ParameterError(f"notches: {line:g} Hz lies outside (0, {rate / 2:g}) Hz")
        return band

    def _spectrum(self, x: Any, rate: float, label: str) -> PowerSpectrum:
        try:
            psd = welch_psd(x, rate, segment_seconds=self.segment_seconds, window="hann")
        except InputError as error:
            raise InputError(f"{label}: {str(error).removeprefix('strain: ')}") from error
        if psd.averages < FEWEST_SEGMENTS:
            raise InputError(
                f"{label}: {x.size / rate:g} s hold {psd.averages} segments of segment_seconds="
                f"{self.segment_seconds:g} (they overlap by half); {FEWEST_SEGMENTS} are needed for a median"
            )
        return psd

    def _prepare(
        self, x: Any, psd: PowerSpectrum | None, rate: float, band: tuple[float, float]
    ) -> tuple[Any, Whitening | None]:
        whitening = None if psd is None else self._whitening(psd, rate, x.size)
        return self._band_limited(x, whitening, rate, band), whitening

    def _band_limited(
        self, x: Any, whitening: Whitening | None, rate: float, band: tuple[float, float]
    ) -> Any:
        if x.size < 2:
            return np.zeros_like(x)
        white = x if whitening is None else whitening(x)
        if self.notches:
            white = notch(white, rate, self.notches)
        return white if whitening is None and self.band is None else band_pass(white, rate, band)

    def _colour_rms(
        self, psd: PowerSpectrum | None, band: tuple[float, float], lines: tuple[float, ...]
    ) -> float:
        """Rms of the detector noise within the band and between the lines, in the unit of the input."""
        if psd is None:
            return 1.0
        f = psd.frequencies
        inside = (f >= band[0]) & (f <= band[1])
        for line in lines:
            inside &= np.abs(f - line) > line / LINE_QUALITY
        return float(np.sqrt(np.sum(psd.density[inside]) * (f[1] - f[0])))

    def _blocks(
        self, z: Any, rate: float, band: tuple[float, float], progress: Callable[[int], None]
    ) -> LocalEstimate:
        n = z.size
        if n < SHORTEST_STRETCH * rate:
            return LocalEstimate(np.zeros(n), np.ones(n), 0.0, 0)
        block, halo = round(BLOCK_SECONDS * rate), round(HALO_SECONDS * rate)
        if n <= block + 2 * halo:
            found = self._estimate(z, rate, band)
            progress(n)
            return found
        estimate, error, gap, steps = np.empty(n), np.empty(n), 0.0, 0
        starts = range(0, n, block)

        def one(first: int) -> LocalEstimate:
            return self._estimate(z[max(0, first - halo) : min(n, first + block + halo)], rate, band)

        with ThreadPoolExecutor(max_workers=min(len(starts), THREADS)) as pool:
            for first, found in zip(starts, pool.map(one, starts), strict=True):
                low, last = max(0, first - halo), min(n, first + block)
                estimate[first:last] = found.estimate[first - low : last - low]
                error[first:last] = found.uncertainty[first - low : last - low]
                gap, steps = max(gap, found.gap), steps + found.iterations
                progress(last)
        return LocalEstimate(estimate, error, gap, steps)

    def _estimate(self, z: Any, rate: float, band: tuple[float, float]) -> LocalEstimate:
        denoiser = self.denoiser
        if denoiser is None:
            return tracked(z, rate, band)

        def estimator(rows: Any) -> tuple[Any, float, int]:
            solution = denoiser.solve(rows, sigma=1.0)
            return solution.estimate, solution.gap, solution.iterations

        return local_risk(z, estimator, rate, band)


def _report(progress: Progress | None, before: int, total: int, done: int) -> None:
    if progress is not None:
        progress(before + done, total)


def coloured(x: Any, whitening: Whitening | None, rate: float, band: tuple[float, float]) -> Any:
    """Whitened samples in the calibration of the strain, limited to the band."""
    if whitening is None:
        return x
    # the seismic wall lifts what the filter's skirt let through, so the band is closed once more
    return band_pass(whitening.inverse(x), rate, band) if x.size > 1 else np.zeros_like(x)


def _checked(values: Any, label: str) -> Any:
    x = np.asarray(as_floating(values, label), dtype=np.float64)
    if x.ndim != 1 or x.size < 2:
        raise InputError(f"{label}: expected one channel of shape (n,), got {x.shape}")
    infinite = np.isinf(x)
    if infinite.any():
        raise InputError(
            f"{label}: infinite value at index {first_index(infinite)[0]}; replace it by NaN (a gap)"
        )
    clean = x[~np.isnan(x)]
    if clean.size == 0:
        raise InputError(f"{label}: every sample is NaN")
    if clean.min() == clean.max():
        kind = "zero" if clean[0] == 0 else f"{clean[0]:g}"
        raise InputError(f"{label}: every sample is {kind}; the channel holds no data")
    return x


def figures_of(
    out: dict[str, Any], rate: float, band: tuple[float, float], t0: float, gap: float, steps: int
) -> dict[str, float]:
    """Figures of merit of a record."""
    clean, white = out["clean"], out["whitened"]
    loudest = int(np.nanargmax(np.abs(clean)))
    independent = 2.0 * (band[1] - band[0]) / rate
    return {
        "loudest_time": t0 + loudest / rate,
        "loudest_sigma": float(np.abs(clean[loudest])),
        "estimate_snr": float(np.sqrt(np.nansum(clean * clean) * independent)),
        "residual_sigma": float(mad_sigma((white - clean)[~np.isnan(white)])),
        "gap_fraction": float(np.mean(np.isnan(white))),
        "solver_gap": gap,
        "solver_iterations": float(steps),
    }
