"""What the demo denoises, and how well it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigden.io import StrainSeries
    from sigden.simulate.strain import SimulatedStrain
    from sigden.strain.denoiser import StrainDenoiser
    from sigden.strain.result import StrainResult

__all__ = ["DataSet", "overlaps", "real_data", "simulated_data"]

_REAL_BAND = (100.0, 1000.0)
# one second holds no 4 s segment; half-second ones leave three to take the median of
_REAL_SEGMENT_SECONDS = 0.5
_SIMULATED_BAND = (35.0, 350.0)
_SEED = 1
_SECONDS = 32.0
_BEFORE_PEAK, _AFTER_PEAK = 0.2, 0.05

_REAL_TEXT = (
    "One second of strain of the sixth science run, from 16 September 2010, as the package gwpy ships it. "
    "With so short a record the noise spectrum comes from three segments of half a second, where 4 s are the "
    "rule."
)
_SIMULATED_TEXT = (
    "Gaussian noise with the design spectrum of Advanced LIGO, and one merger of black holes of 36 and 29 "
    "solar masses in it. The signal is known, so the overlap of input and estimate with it can be told: "
    "whitened, in the band, from 0.2 s before the peak to 0.05 s after."
)


@dataclass(frozen=True, eq=False)
class DataSet:
    """One of the demo's two sets of strain.

    Parameters
    ----------
    name : str
        Short name, for files and tables.
    title, text : str
        Heading and description.
    source : str
        Where it comes from.
    method : StrainDenoiser
        What is run on it.
    series : mapping of str to StrainSeries
        Input by detector.
    truth : SimulatedStrain or None
        The simulation.
    """

    name: str
    title: str
    text: str
    source: str
    method: StrainDenoiser
    series: Mapping[str, StrainSeries] = field(default_factory=dict)
    truth: SimulatedStrain | None = None

    @property
    def signals(self) -> dict[str, Any] | None:
        """Simulated signal by detector."""
        return None if self.truth is None else dict(zip(self.truth.detectors, self.truth.signal, strict=True))


def real_data() -> DataSet:
    """The second of real strain that gwpy ships."""
    from sigden.io import read_strain, shipped_example
    from sigden.strain.denoiser import StrainDenoiser

    path = shipped_example()
    return DataSet(
        name="real",
        title="Real strain of H1, L1 and V1",
        text=_REAL_TEXT,
        source=path.name,
        method=StrainDenoiser(band=_REAL_BAND, segment_seconds=_REAL_SEGMENT_SECONDS),
        series=read_strain(path),
    )


def simulated_data() -> DataSet:
    """A simulated binary black hole in detector noise."""
    from sigden.io import StrainSeries
    from sigden.simulate import strain
    from sigden.strain.denoiser import StrainDenoiser

    truth = strain(_SECONDS, seed=_SEED)
    series = {
        name: StrainSeries(
            values=truth.data[i],
            sample_rate=truth.sample_rate,
            t0=truth.t0,
            name=f"{name}:SIMULATED-STRAIN",
            channel=f"{name}:SIMULATED-STRAIN",
        )
        for i, name in enumerate(truth.detectors)
    }
    return DataSet(
        name="simulated",
        title="Simulated binary black hole",
        text=_SIMULATED_TEXT,
        source=f"sigden.simulate.strain({_SECONDS:g}, seed={_SEED})",
        method=StrainDenoiser(band=_SIMULATED_BAND),
        series=series,
        truth=truth,
    )


def overlaps(truth: SimulatedStrain, name: str, result: StrainResult) -> dict[str, float]:
    """Overlap of calibrated input and of its estimate with the simulated signal, whitened and in the band.

    Parameters
    ----------
    truth : SimulatedStrain
        The simulation.
    name : str
        Detector.
    result : StrainResult
        Its result.

    Returns
    -------
    dict
        ``overlap_before`` and ``overlap_after``, from -1 to 1; none for input that came whitened.
    """
    from sigden.metrics import overlap
    from sigden.strain.filters import band_pass
    from sigden.strain.whitening import Whitening

    if result.psd is None:
        return {}
    index = truth.detectors.index(name)
    rate = result.sample_rate
    signal = truth.signal[index]
    white = band_pass(Whitening(result.psd, rate, signal.size)(signal), rate, result.band)
    peak = round((truth.peak_times[index] - truth.t0) * rate)
    window = slice(max(0, peak - round(_BEFORE_PEAK * rate)), peak + round(_AFTER_PEAK * rate))
    return {
        "overlap_before": overlap(result.whitened[window], white[window]),
        "overlap_after": overlap(result.whitened_denoised[window], white[window]),
    }
