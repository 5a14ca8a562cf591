"""Noise spectrum and level of the recent past, and the spread of all that has passed."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.noise.psd import PowerSpectrum, median_bias, median_of_rows, periodogram_average
from sigden.noise.sigma import NORMAL_QUARTILE

__all__ = ["RunningDeviation", "RunningLevel", "RunningSpectrum"]


class RunningSpectrum:
    """Median Welch spectrum of the last segments, of constant memory.

    Parameters
    ----------
    sample_rate : float
        Hz.
    samples : int
        Length of one segment.
    count : int
        Number of segments kept.

    Raises
    ------
    ParameterError
        If a segment has fewer than 4 samples or none is kept.

    Notes
    -----
    With all segments of a record kept it equals `welch_psd` of the record with a Hann window.
    """

    def __init__(self, sample_rate: float, samples: int, count: int) -> None:
        if samples < 4:
            raise ParameterError(f"samples: a segment needs at least 4, got {samples}")
        if count < 1:
            raise ParameterError(f"count: must be at least 1, got {count}")
        from scipy.signal import get_window

        self._rate, self._taper = sample_rate, get_window("hann", samples)
        self._powers: deque[Any] = deque(maxlen=count)

    def __len__(self) -> int:
        return len(self._powers)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(power.nbytes for power in self._powers)

    def add(self, segment: Any) -> None:
        """Take one segment in, unless it is constant and holds no noise.

        Parameters
        ----------
        segment : numpy.ndarray, shape (samples,)
            Float64 strain without gaps.
        """
        if segment.min() < segment.max():
            self._powers.append(periodogram_average(segment[None], self._taper, self._rate, "mean"))

    def spectrum(self) -> PowerSpectrum:
        """Spectrum of the segments held, at least one.

        Returns
        -------
        PowerSpectrum
            Median over the segments, its bias corrected.
        """
        count = len(self._powers)
        density = median_of_rows(self._powers) / median_bias(count)
        return PowerSpectrum(np.fft.rfftfreq(self._taper.size, 1 / self._rate), density, count)


class RunningLevel:
    """Noise level of the last samples: the median of the levels of their pieces, weighted by length.

    Parameters
    ----------
    samples : int
        How many samples to look back.
    """

    def __init__(self, samples: int) -> None:
        self._span = samples
        self._pieces: deque[tuple[float, int]] = deque()

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, sigma: float, samples: int) -> None:
        """Take in the level of a piece of so many samples."""
        self._pieces.append((sigma, samples))
        while len(self._pieces) > 1 and sum(n for _, n in self._pieces) - self._pieces[0][1] >= self._span:
            self._pieces.popleft()

    def level(self) -> float:
        """Level of the pieces held, at least one."""
        ordered = sorted(self._pieces)
        weights = np.cumsum([n for _, n in ordered])
        return ordered[int(np.searchsorted(weights, weights[-1] / 2))][0]


class RunningDeviation:
    """Standard deviation of Gaussian noise from the median absolute deviation of all samples so far.

    Parameters
    ----------
    reach : float
        Samples beyond it on either side of zero count as if they were there.
    cells : int
        Cells of the histogram that stands for the samples; its medians are linear within a cell.

    Raises
    ------
    ParameterError
        If a parameter is not positive.
    """

    def __init__(self, reach: float = 16.0, cells: int = 1 << 14) -> None:
        if not (reach > 0 and cells > 0):
            raise ParameterError(f"reach, cells: must be positive, got {reach} and {cells}")
        self._reach = reach
        self._counts = np.zeros(cells, dtype=np.int64)

    def add(self, samples: Any) -> None:
        """Take in finite samples of any shape."""
        cells = self._counts.size
        place = np.clip((samples + self._reach) * (cells / (2 * self._reach)), 0, cells - 1)
        self._counts += np.bincount(place.astype(np.int64).ravel(), minlength=cells)

    def sigma(self) -> float:
        """Median absolute deviation over 0.6745; at least one sample must have been added."""
        edges = np.linspace(-self._reach, self._reach, self._counts.size + 1)
        share = np.concatenate([[0.0], np.cumsum(self._counts) / self._counts.sum()])
        centre = np.interp(0.5, share, edges)
        distance = edges - edges[0]
        within = np.interp(centre + distance, edges, share) - np.interp(centre - distance, edges, share)
        return float(np.interp(0.5, within, distance) / NORMAL_QUARTILE)
