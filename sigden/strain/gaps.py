"""Gaps in strain: clean segments, filling by the noise model, and carrying NaN through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from sigden.arrays import first_index
from sigden.errors import InputError, ParameterError
from sigden.noise.psd import clean_stretches
from sigden.strain.whitening import Whitening

__all__ = ["Segments", "apply_between_gaps", "fill_gaps"]


@dataclass(frozen=True)
class Segments:
    """Half-open ranges of samples without a gap, in order.

    Parameters
    ----------
    ranges : tuple of (int, int)
        Start and stop of each segment.
    size : int
        Number of samples of the record.
    """

    ranges: tuple[tuple[int, int], ...]
    size: int

    @classmethod
    def of(cls, x: Any, mask: Any = None) -> Segments:
        """Segments of one channel.

        Parameters
        ----------
        x : NumPy array, shape (n,)
            Samples; NaN is a gap.
        mask : array of bool, optional
            True in a gap.

        Returns
        -------
        Segments
            All stretches without a gap.

        Raises
        ------
        InputError
            If `x` has more than one axis.
        """
        x = np.asarray(x)
        if x.ndim != 1:
            raise InputError(f"segments: expected one channel of shape (n,), got {x.shape}")
        gaps = np.isnan(x) if mask is None else np.isnan(x) | np.asarray(mask, dtype=bool)
        return cls(tuple((int(a), int(b)) for a, b in clean_stretches(gaps)), x.size)

    def longer_than(self, samples: int) -> Segments:
        """Segments of at least this many samples."""
        return Segments(tuple((a, b) for a, b in self.ranges if b - a >= samples), self.size)

    def merged(self, samples: int) -> Segments:
        """Segments joined across gaps of at most this many samples."""
        out: list[tuple[int, int]] = []
        for a, b in self.ranges:
            if out and a - out[-1][1] <= samples:
                out[-1] = (out[-1][0], b)
            else:
                out.append((a, b))
        return Segments(tuple(out), self.size)

    def split(self, samples: int) -> Segments:
        """Segments cut into pieces of nearly equal length, none longer than this many samples."""
        if samples < 1:
            raise ParameterError(f"samples: must be at least 1, got {samples}")
        out = []
        for a, b in self.ranges:
            count = -(-(b - a) // samples)
            cuts = [a + (b - a) * i // count for i in range(count + 1)]
            out += list(pairwise(cuts))
        return Segments(tuple(out), self.size)

    @property
    def gaps(self) -> Any:
        """True outside every segment, shape (size,)."""
        out = np.ones(self.size, dtype=bool)
        for a, b in self.ranges:
            out[a:b] = False
        return out

    def __iter__(self) -> Iterator[slice]:
        return (slice(a, b) for a, b in self.ranges)

    def __len__(self) -> int:
        return len(self.ranges)


def fill_gaps(
    x: Any, gaps: Any, whitening: Whitening, *, tolerance: float = 1e-6, max_iter: int = 500
) -> Any:
    """Most probable samples in the gaps, given the others and the noise spectrum.

    Parameters
    ----------
    x : NumPy array, shape (n,)
        Samples of one channel; those in the gaps are ignored.
    gaps : array of bool, shape (n,)
        True in a gap.
    whitening : Whitening
        Of one channel and n samples.
    tolerance : float
        Relative norm of the preconditioned residual at which the iteration stops.
    max_iter : int
        Most iterations.

    Returns
    -------
    array, shape (n,)
        `x` with its gaps filled; the other samples are unchanged.

    Raises
    ------
    InputError
        If the shapes do not fit, a sample outside the gaps is not finite, no sample is left, or the
        iteration does not converge.

    Notes
    -----
    Minimises :math:`\\|W x\\|^2` over the samples in the gaps: the conditional mean of Gaussian noise. It is
    smooth where the gap is long; whitened samples inside a gap are too quiet. Conjugate gradients,
    preconditioned by the Toeplitz block of the inverse covariance on each gap.
    """
    x = np.asarray(x)
    gaps = np.asarray(gaps, dtype=bool)
    if x.shape != gaps.shape or x.shape != whitening.in_shape or x.ndim != 1:
        raise InputError(f"fill_gaps: samples {x.shape}, gaps {gaps.shape} and {whitening!r} do not fit")
    if gaps.all():
        raise InputError("fill_gaps: every sample lies in a gap")
    bad = ~np.isfinite(x) & ~gaps
    if bad.any():
        raise InputError(
            f"strain: non-finite value {x[bad][0]} at index {first_index(bad)[0]} outside the gaps"
        )
    known = np.where(gaps, 0.0, x).astype(np.float64)
    if not gaps.any():
        return known.astype(x.dtype, copy=False)
    missing = np.flatnonzero(gaps)
    precondition = _gap_preconditioner(gaps, whitening)

    def normal(v: Any) -> Any:
        full = np.zeros_like(known)
        full[missing] = v
        return whitening.adjoint(whitening(full))[missing]

    residual = -whitening.adjoint(whitening(known))[missing]
    estimate = np.zeros(missing.size)
    z = precondition(residual)
    direction, start = z, float(np.sum(residual * z))
    power = start
    for _ in range(max_iter):
        if power <= tolerance**2 * start:
            break
        product = normal(direction)
        step = power / float(np.sum(direction * product))
        estimate += step * direction
        residual = residual - step * product
        z = precondition(residual)
        power, previous = float(np.sum(residual * z)), power
        direction = z + power / previous * direction
    else:
        raise InputError(
            f"fill_gaps: no convergence in {max_iter} iterations over {missing.size} missing samples; "
            "split the record at the long gaps instead"
        )
    known[missing] = estimate
    return known.astype(x.dtype, copy=False)


def apply_between_gaps(
    function: Callable[[Any], Any],
    x: Any,
    *,
    mask: Any = None,
    min_length: int = 1,
    short: Literal["error", "zero", "keep"] = "error",
) -> Any:
    """Apply a function to every stretch without a gap; NaN stays where it was.

    Parameters
    ----------
    function : callable
        Takes samples of shape (m,) and returns as many.
    x : NumPy array, shape (n,)
        Samples of one channel; NaN is a gap.
    mask : array of bool, optional
        True in a gap; the result is NaN there.
    min_length : int
        Shortest stretch the function can take, in samples.
    short : {"error", "zero", "keep"}
        What becomes of a shorter stretch.

    Returns
    -------
    array, shape (n,)
        NaN exactly in the gaps.

    Raises
    ------
    InputError
        If a stretch is too short and `short` is "error", or the function changes the length.
    ParameterError
        If `short` is unknown.
    """
    if short not in ("error", "zero", "keep"):
        raise ParameterError(f"short: expected 'error', 'zero' or 'keep', got {short!r}")
    x = np.asarray(x)
    out = np.full(x.shape, np.nan, dtype=x.dtype)
    for part in Segments.of(x, mask):
        length = part.stop - part.start
        if length < min_length:
            if short == "error":
                raise InputError(
                    f"strain: the stretch from sample {part.start} to {part.stop} between two gaps holds "
                    f"{length} samples, fewer than the {min_length} needed; "
                    "mask it or fill the gaps beside it"
                )
            out[part] = 0 if short == "zero" else x[part]
            continue
        result = np.asarray(function(x[part]))
        if result.shape != (length,):
            raise InputError(f"strain: the function returned shape {result.shape} for {length} samples")
        out[part] = result
    return out


def _gap_preconditioner(gaps: Any, whitening: Whitening) -> Callable[[Any], Any]:
    from scipy.linalg import solve_toeplitz

    runs = clean_stretches(~gaps)
    taps = whitening.models[0].coefficients
    longest = int((runs[:, 1] - runs[:, 0]).max())
    size = 1 << (taps.size + longest).bit_length()
    correlation = np.fft.irfft(np.abs(np.fft.rfft(taps, size)) ** 2, size)[:longest]
    bounds = np.concatenate(([0], np.cumsum(runs[:, 1] - runs[:, 0])))

    def apply(v: Any) -> Any:
        out = np.empty_like(v)
        for a, b in pairwise(bounds.tolist()):
            out[a:b] = solve_toeplitz(correlation[: b - a], v[a:b])
        return out

    return apply
