"""Strain of a network of detectors denoised together."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.arrays import as_floating, is_numpy, namespace, require_mask
from sigden.arrays.containers import entries, rebuild_collection, unpack
from sigden.errors import InputError, ParameterError
from sigden.method import provenance
from sigden.solvers import Solution, Status
from sigden.strain.blocks import two_at_a_time
from sigden.strain.coherent import Pair, coherent
from sigden.strain.conditioning import Conditioning
from sigden.strain.denoiser import StrainDenoiser
from sigden.strain.gaps import Segments
from sigden.strain.local_estimate import LocalEstimate
from sigden.strain.result import StrainResult

__all__ = ["CoherentStrain"]

_SHORTEST_SECONDS = 1.0
_GAIN_SIZE = 1 << 14


@dataclass(frozen=True, kw_only=True)
class CoherentStrain(StrainDenoiser):
    """Denoise the strain of several detectors together: one signal, unknown delays, amplitudes and signs.

    Parameters
    ----------
    sample_rate : float, optional
        As for `StrainDenoiser`, as are all parameters but the last.
    band : tuple of float, optional
        Lower and upper edge in Hz.
    notches : tuple of float, default ()
        Lines to take out, Hz.
    whitened : bool, default False
        Whether the input is whitened already.
    output : {"calibrated", "whitened"}, default "calibrated"
        Unit of the result.
    segment_seconds : float, default 4.0
        Length of the segments of the noise spectrum.
    denoiser : Denoiser, optional
        For the single detectors; the common signal follows chirp tracks in any case.
    max_delay : float, default 0.03
        Largest difference of arrival times, s; 0.010 serves Hanford and Livingston.

    Notes
    -----
    Every detector goes through `StrainDenoiser` first; `sigden.strain.coherent` then joins the whitened
    streams [1]_ wherever a common signal is found, and leaves single-detector estimates where detectors
    disagree.
    A detector of NaN alone is missing: it stays NaN and the others go on. Detectors are joined where none
    that is present has a gap.

    References
    ----------
    .. [1] Y. Guersel and M. Tinto, "Near optimal solution to the inverse problem for gravitational-wave
       bursts", Phys. Rev. D 40 (1989) 3884.

    Examples
    --------
    >>> from sigden import CoherentStrain
    >>> from sigden.simulate import strain
    >>> event = strain(duration=8.0, sample_rate=2048)
    >>> found = CoherentStrain(sample_rate=2048.0).solve(event.data)
    >>> any(pair.coherent for pair in found.details["pairs"])
    True
    """

    axes: ClassVar[str] = "(detectors, time)"

    max_delay: float = 0.03

    def __post_init__(self) -> None:
        if not (math.isfinite(self.max_delay) and 0 < self.max_delay <= 0.05):
            raise ParameterError(
                f"max_delay: expected 0 to 0.05 s, light crosses the Earth in 0.043 s; got {self.max_delay}"
            )
        if self.denoiser is not None and self.denoiser.axes != StrainDenoiser.axes:
            raise ParameterError(
                f"denoiser: {self.denoiser.name()} works on {self.denoiser.axes}, "
                f"strain is {StrainDenoiser.axes}"
            )
        super().__post_init__()

    def _collection(self, data: Any, mask: Any) -> Any:
        masks = entries(mask, data, "mask")
        samples = {k: unpack(v, mask=masks[k], label=str(k)) for k, v in data.items()}
        rates = {k: s.sample_rate for k, s in samples.items()}
        lengths = {k: s.values.shape for k, s in samples.items()}
        known = {rate for rate in rates.values() if rate is not None}
        if len(known) > 1 or len(set(lengths.values())) > 1:
            listed = ", ".join(f"{k}: {lengths[k]} {_at(rate)}" for k, rate in rates.items())
            raise InputError(
                f"strain: detectors differ in length or sample rate ({listed}); crop or resample"
            )
        gaps = [s.values if s.mask is None else np.where(s.mask, np.nan, s.values) for s in samples.values()]
        solution = self._solve(np.stack(gaps), None, known.pop() if known else None, "strain")
        out = {}
        for i, (key, sample) in enumerate(samples.items()):
            record = provenance(self, sample.values, mask=sample.mask) if sample.has_meta else None
            out[key] = sample.rebuild(
                solution.estimate[i], uncertainty=solution.details["uncertainty"][i], provenance=record
            )
        return rebuild_collection(data, out)

    def _solve(self, values: Any, mask: Any, sample_rate: float | None, label: str) -> Solution:
        start = time.perf_counter()
        if not is_numpy(namespace(values)):
            raise InputError(
                f"{label}: CoherentStrain runs on NumPy arrays; copy the strain to the host first"
            )
        values = as_floating(values, label)
        if values.ndim != 2 or 0 in values.shape:
            raise InputError(f"{label}: expected shape (detectors, n), got {values.shape}")
        if mask is not None:
            require_mask(mask, values, label)
            values = np.where(mask, np.nan, values)
        rows = [i for i, row in enumerate(values) if not np.isnan(row).all()]
        if not rows:
            raise InputError(f"{label}: every sample of every detector is NaN")
        single = list(
            two_at_a_time(
                lambda i: self._analysed(values[i], sample_rate=sample_rate, label=f"{label}[{i}]"), rows
            )
        )
        results, pairs = self._join(single, rows)
        white = self.output == "whitened"
        estimate, error = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        for i, r in zip(rows, results, strict=True):
            estimate[i] = r.whitened_denoised if white else r.denoised
            error[i] = r.whitened_uncertainty if white else r.uncertainty
        return Solution(
            estimate=estimate.astype(values.dtype, copy=False),
            status=Status.CONVERGED,
            iterations=1,
            gap=max(r.figures["solver_gap"] for r in results),
            seconds=time.perf_counter() - start,
            details={
                "uncertainty": error.astype(values.dtype, copy=False),
                "results": tuple(results),
                "pairs": pairs,
                "missing": tuple(i for i in range(len(values)) if i not in rows),
                "certificate": results[0].certificate,
            },
        )

    def _join(
        self, analysed: list[tuple[StrainResult, Conditioning, Any]], rows: list[int]
    ) -> tuple[list[StrainResult], tuple[Pair, ...]]:
        single = [result for result, _, _ in analysed]
        rate = single[0].sample_rate
        pairs: list[Pair] = []
        joined = [r.whitened_denoised.copy() for r in single]
        smooths = [smooth.copy() for _, _, smooth in analysed]
        errors = [r.whitened_uncertainty.copy() for r in single]
        shortest = round(_SHORTEST_SECONDS * rate)
        whitened = np.stack([r.whitened for r in single])
        gains = None if self.whitened else np.stack([steps.gain(_GAIN_SIZE) for _, steps, _ in analysed])
        common = Segments.of(whitened[0], np.isnan(whitened).any(axis=0)).longer_than(shortest)
        for part in common if len(single) > 1 else ():
            streams = np.stack([steps.without_ripple(r.whitened[part]) for r, steps, _ in analysed])
            own = [
                LocalEstimate(smooth[part], r.whitened_uncertainty[part], 0.0, 1) for r, _, smooth in analysed
            ]
            found = coherent(streams, rate, [r.band for r in single], self.max_delay, own=own, gains=gains)
            for j, (one, (_, steps, smooth)) in enumerate(zip(found.detectors, analysed, strict=True)):
                joined[j][part] += steps.with_ripple(one.estimate - smooth[part])
                smooths[j][part] = one.estimate
                errors[j][part] = one.uncertainty
            pairs += [
                dataclasses.replace(
                    p,
                    start=p.start + part.start,
                    stop=p.stop + part.start,
                    reference=rows[p.reference],
                    other=rows[p.other],
                )
                for p in found.pairs
            ]
        changes = list(zip(analysed, joined, smooths, errors, strict=True))
        return list(two_at_a_time(_recoloured, changes)), tuple(pairs)


def _at(rate: float | None) -> str:
    return "at an unknown rate" if rate is None else f"at {rate:g} Hz"


def _recoloured(changed: tuple[tuple[StrainResult, Conditioning, Any], Any, Any, Any]) -> StrainResult:
    """Result with another whitened estimate; the difference goes back through the whitening."""
    (result, steps, _), joined, smooth, error = changed
    change, spread = np.zeros_like(joined), np.full_like(error, np.nan)
    for part in Segments.of(joined):
        moved = joined[part] - result.whitened_denoised[part]
        if moved.any():
            change[part] = steps.coloured(moved * result.sigma)
        spread[part] = result.sigma * steps.coloured_error(smooth[part], error[part])
    return dataclasses.replace(
        result,
        denoised=result.denoised + change,
        residual=result.residual - change,
        uncertainty=spread,
        whitened_denoised=joined,
        whitened_uncertainty=error,
    )
