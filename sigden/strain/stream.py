"""Strain denoised as it arrives, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from sigden.arrays import as_floating, first_index
from sigden.errors import InputError, ParameterError
from sigden.noise import PowerSpectrum, RunningLevel, RunningSpectrum, mad_sigma
from sigden.strain.blocks import BLOCK_SECONDS, HALO_SECONDS, in_blocks, nothing
from sigden.strain.checks import FEWEST_SEGMENTS, agreed_rate, working_band
from sigden.strain.conditioning import Conditioning
from sigden.strain.denoiser import StrainDenoiser
from sigden.strain.flat import FlatStretches
from sigden.strain.gaps import Segments
from sigden.strain.local_estimate import LocalEstimate
from sigden.strain.result import FIELDS, StrainResult
from sigden.strain.stretch import Stretch

__all__ = ["StrainStream", "denoise_blocks"]

# the filters' memory: whitening, band-pass, notches and colouring have died away after it
_MEMORY_SECONDS = 4.0


class StrainStream:
    """Denoise the strain of one detector as it arrives.

    Parameters
    ----------
    method : StrainDenoiser, optional
        What to do; the default method where absent. Whitened input needs its `band`.
    sample_rate : float, optional
        Samples per second, where the method does not say.
    step_seconds : float, default 16.0
        Length of the pieces that are denoised at a time; beyond 16 s a multiple of that.
    history_seconds : float, default 128.0
        How far back the noise spectrum and level look.
    noise : StrainResult, optional
        Result whose spectrum, level and band are used throughout, in place of running ones.
    t0 : float
        Time of the first sample in seconds.
    label : str
        Name for error messages.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    InputError
        If the sample rate is unknown.

    Notes
    -----
    Overlap-save: each step whitens a window that reaches 5 s past it on both sides (4 s of filter memory and
    1 s for the tracks), denoises its middle, and colours with 4 s of context. All that enters the estimate
    of a sample has arrived `latency_seconds` after it, and what has been put out is final. The spectrum is
    the median over the Hann segments of the last `history_seconds` that had arrived by then; the answer does
    not depend on how the strain is cut into blocks. A stretch between gaps (NaN) ends as it does offline;
    exactly equal samples for 1/16 s or longer are a gap, with a `FlatStrainWarning` once they end, and equal
    samples at the end of a block wait until it is known.
    What comes before two segments of the spectrum is NaN in a stretch too short to hold them.

    Examples
    --------
    >>> from sigden.simulate import strain
    >>> from sigden.strain import StrainStream
    >>> event = strain(duration=32.0, sample_rate=1024.0, detectors=("H1",))
    >>> stream = StrainStream(sample_rate=1024.0)
    >>> first = stream.push(event.data[0])
    >>> rest = stream.finish()
    >>> sum(piece.denoised.size for piece in first + rest) == event.data.shape[1]
    True
    """

    def __init__(
        self,
        method: StrainDenoiser | None = None,
        *,
        sample_rate: float | None = None,
        step_seconds: float = BLOCK_SECONDS,
        history_seconds: float = 128.0,
        noise: StrainResult | None = None,
        t0: float = 0.0,
        label: str = "strain",
    ) -> None:
        method = method or StrainDenoiser()
        if not 0.5 <= step_seconds <= 3600:
            raise ParameterError(f"step_seconds: must be between 0.5 and 3600, got {step_seconds}")
        if not step_seconds <= history_seconds <= 86400:
            raise ParameterError(
                f"history_seconds: must be between step_seconds ({step_seconds:g}) and 86400, "
                f"got {history_seconds}"
            )
        if history_seconds < 2 * method.segment_seconds and not method.whitened:
            raise ParameterError(
                f"history_seconds: {history_seconds:g} s hold no two segments of "
                f"{method.segment_seconds:g} s; lengthen it"
            )
        if method.whitened and method.band is None and noise is None:
            raise ParameterError("band: whitened strain that arrives in blocks needs its band")
        rate = agreed_rate(method, sample_rate, label)
        self._method, self._label, self._t0 = method, label, t0
        self._rate = rate
        silence = np.zeros(round(history_seconds * rate))
        self._band = noise.band if noise else working_band(method, silence, rate)
        self._block = round(min(step_seconds, BLOCK_SECONDS) * rate)
        self._step = self._block * max(1, round(step_seconds / BLOCK_SECONDS))
        self._halo, self._memory = round(HALO_SECONDS * rate), round(_MEMORY_SECONDS * rate)
        self._segment = round(method.segment_seconds * rate)
        hop = self._segment - self._segment // 2
        self._hop = hop
        self._spectrum = RunningSpectrum(rate, self._segment, max(2, round(history_seconds * rate / hop) - 1))
        self._level = RunningLevel(round(history_seconds * rate))
        self._noise = noise
        self._steps: Conditioning | None = None
        if noise is not None:
            self._steps = method._conditioning(noise.psd, rate, self._band)
        self._stretch: Stretch | None = None
        self._seen, self._clean, self._estimated = 0, 0, 0
        self._flat = FlatStretches(rate, label)
        self._done = False
        self.solver_gap, self.solver_steps, self.certificate = 0.0, 0, LocalEstimate.certificate

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return self._rate

    @property
    def band(self) -> tuple[float, float]:
        """Band in Hz of the estimate."""
        return self._band

    @property
    def latency_seconds(self) -> float:
        """Longest time from a sample's arrival to its final estimate, in seconds of strain."""
        wait = max(self._step, 3 * self._segment // 2 if self._unknown else 0)
        return (wait + self._halo + 2 * self._memory + self._flat.most) / self._rate

    @property
    def nbytes(self) -> int:
        """Bytes of strain, estimates and spectra held between blocks; bounded for any length."""
        return self._spectrum.nbytes + (self._stretch.nbytes if self._stretch else 0)

    @property
    def _unknown(self) -> bool:
        return self._noise is None and not self._method.whitened

    def push(self, block: Any) -> list[StrainResult]:
        """Take the next samples in.

        Parameters
        ----------
        block : array, shape (m,)
            Strain; NaN is a gap. Any length.

        Returns
        -------
        list of StrainResult
            What has become final, in order, without figures; joined, all pieces hold every sample once.

        Raises
        ------
        InputError
            If a sample is infinite, the shape is wrong, or the stream has been finished.
        """
        if self._done:
            raise InputError(f"{self._label}: the stream is finished; start another one")
        x = np.asarray(as_floating(block, self._label), dtype=np.float64)
        if x.ndim != 1:
            raise InputError(f"{self._label}: expected one channel of shape (m,), got {x.shape}")
        infinite = np.isinf(x)
        if infinite.any():
            index = self._seen + self._flat.held + first_index(infinite)[0]
            raise InputError(
                f"{self._label}: infinite value at sample {index} of the stream; replace it by NaN (a gap)"
            )
        return self._decided(self._flat.take(x))

    def _decided(self, x: Any) -> list[StrainResult]:
        out: list[StrainResult] = []
        place = 0
        for part in Segments.of(x):
            out += self._gap(part.start - place)
            # in steps, so that a long block is not copied again and again
            for first in range(part.start, part.stop, self._step):
                out += self._take(x[first : min(part.stop, first + self._step)])
            place = part.stop
        return out + self._gap(x.size - place)

    def finish(self) -> list[StrainResult]:
        """Put the rest out; nothing can be pushed any more.

        Returns
        -------
        list of StrainResult
            As of `push`.

        Raises
        ------
        InputError
            If nothing could be denoised: all NaN, constant, or no stretch holds two segments of the spectrum.
        """
        out = self._decided(self._flat.rest()) + self._end()
        self._done = True
        if self._clean and not self._estimated:
            raise InputError(
                f"{self._label}: no stretch without a gap holds {FEWEST_SEGMENTS} segments of noise of "
                f"segment_seconds={self._method.segment_seconds:g} (they overlap by half)"
            )
        if self._seen and not self._clean:
            raise InputError(f"{self._label}: every sample is NaN or in a stretch of equal ones")
        return out

    def _take(self, x: Any) -> list[StrainResult]:
        if self._stretch is None:
            self._stretch = Stretch(self._seen)
        self._stretch.raw = np.concatenate([self._stretch.raw, x])
        self._seen += x.size
        self._clean += x.size
        return self._advance(final=False)

    def _gap(self, count: int) -> list[StrainResult]:
        if count == 0:
            return []
        out = self._end()
        self._seen += count
        return [*out, self._blank(self._seen - count, count)]

    def _end(self) -> list[StrainResult]:
        out = [] if self._stretch is None else self._advance(final=True)
        self._stretch = None
        return out

    def _advance(self, *, final: bool) -> list[StrainResult]:
        out: list[StrainResult] = []
        while self._stretch is not None and self._stretch.tracked < self._stretch.end:
            s = self._stretch
            first, ahead = s.tracked, self._halo + self._memory
            wait = self._step
            if self._unknown and len(self._spectrum) < FEWEST_SEGMENTS:
                wait = max(wait, 3 * self._segment // 2)
            if s.end < first + wait + ahead and not final:
                break
            last = min(first + self._step, s.end)
            # a stretch that fits one window of the tracks goes through whole, as offline
            if final and first == s.start and s.end - first <= self._block + 2 * self._halo:
                last = s.end
            out += self._piece(s, first, last, min(max(last, first + wait) + ahead, s.end), final)
        return out

    def _piece(self, s: Stretch, first: int, last: int, arrived: int, final: bool) -> list[StrainResult]:
        """Denoise the samples from first to last, given those up to `arrived`."""
        self._absorb(s, arrived)
        if self._unknown and len(self._spectrum) < FEWEST_SEGMENTS:
            self._stretch = s.after(last)
            return [self._blank(first, last - first)]
        ends = final and last == s.end
        reach = self._halo + self._memory
        low, high = max(s.start, first - reach), min(s.end, last + reach)
        window = s.raw[low - s.at : high - s.at]
        steps = self._current()
        white = steps.whitened(window)
        sigma = self._sigma(white[first - low : last - low])
        z = white / sigma
        free = steps.without_ripple(z)
        found = self._estimate(free, low, first, last, s)
        self.solver_gap = max(self.solver_gap, found.gap)
        self.solver_steps += found.iterations
        self.certificate = found.certificate
        s.append(z[first - low : last - low], found, last)
        stop = last if ends else max(s.out, last - self._memory)
        out = [self._coloured(s, steps, sigma, stop)] if stop > s.out else []
        s.forget(stop, last, reach, self._memory)
        self._estimated += last - first
        return out

    def _absorb(self, s: Stretch, arrived: int) -> None:
        if not self._unknown:
            return
        while s.frame + self._segment <= arrived:
            self._spectrum.add(s.raw[s.frame - s.at : s.frame - s.at + self._segment])
            s.frame += self._hop
            self._steps = None

    def _current(self) -> Conditioning:
        if self._steps is None:
            psd = None if self._method.whitened else self._spectrum.spectrum()
            self._steps = self._method._conditioning(psd, self._rate, self._band)
        return self._steps

    def _sigma(self, white: Any) -> float:
        if self._noise is not None:
            return self._noise.sigma
        sigma = float(mad_sigma(white)) if white.size > 1 else 0.0
        if sigma > 0:
            self._level.add(sigma, white.size)
        if not len(self._level):
            raise InputError(
                f"{self._label}: the band {self._band[0]:g}-{self._band[1]:g} Hz holds no noise; "
                "choose another band"
            )
        return self._level.level()

    def _estimate(self, z: Any, low: int, first: int, last: int, s: Stretch) -> LocalEstimate:
        if self._method._too_short(last - s.start, self._rate):
            return nothing(last - first)
        block = self._block
        if last - first <= block + 2 * self._halo and first == s.start and last == s.end:
            block = last - first
        estimate = partial(self._method._estimate, rate=self._rate, band=self._band)
        return in_blocks(estimate, z, first - low, last - low, block=block, halo=self._halo)

    def _coloured(self, s: Stretch, steps: Conditioning, sigma: float, stop: int) -> StrainResult:
        z, clean, error = s.z, steps.with_ripple(s.clean), s.error
        core = slice(s.out - s.kept, stop - s.kept)
        denoised, residual = steps.coloured(np.stack([clean, z - clean]) * sigma)[:, core]
        spread = sigma * steps.coloured_error(s.clean, error, s.kept - s.start)[core]
        arrays = (denoised, residual, spread, z[core], clean[core], error[core])
        return self._result(s.out, steps.psd, sigma, tuple(a.copy() for a in arrays))

    def _blank(self, start: int, count: int) -> StrainResult:
        psd = self._steps.psd if self._steps else None
        return self._result(start, psd, 1.0, tuple(np.full(count, np.nan) for _ in FIELDS))

    def _result(self, start: int, psd: PowerSpectrum | None, sigma: float, arrays: Any) -> StrainResult:
        return StrainResult(
            **dict(zip(FIELDS, arrays, strict=True)),
            psd=psd,
            band=self._band,
            sample_rate=self._rate,
            t0=self._t0 + start / self._rate,
            sigma=sigma,
            certificate=self.certificate,
        )


def denoise_blocks(
    blocks: Iterable[Any], method: StrainDenoiser | None = None, **options: Any
) -> Iterator[StrainResult]:
    """Denoise successive blocks of the strain of one detector.

    Parameters
    ----------
    blocks : iterable of array, shape (m,)
        Strain in order, of any lengths; NaN is a gap.
    method : StrainDenoiser, optional
        What to do; the default method where absent.
    **options
        Parameters of `StrainStream`.

    Yields
    ------
    StrainResult
        Pieces that are final, in order; joined they hold every sample once.

    Raises
    ------
    InputError
        As `StrainStream.push` and `StrainStream.finish`.
    """
    stream = StrainStream(method, **options)
    for block in blocks:
        yield from stream.push(block)
    yield from stream.finish()
