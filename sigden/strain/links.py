"""What a detector heard of a signal against what others heard: delay, phase, amplitude, and their errors."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Link", "distance", "link_of", "shaken"]

_MOST = 50.0


@dataclass(frozen=True, eq=False)
class Link:
    """Delay, phase and amplitude of a signal in one detector.

    Parameters
    ----------
    delay : float
        Arrival after the reference, s.
    ratio : complex
        Amplitude of the strain over that in the reference; its argument is the phase of the carrier.
    covariance : numpy.ndarray, shape (3, 3)
        Of the logarithm of the amplitude, the delay (s) and the phase (rad).
    """

    delay: float = 0.0
    ratio: complex = 1.0
    covariance: Any = field(default_factory=lambda: np.zeros((3, 3)))


def link_of(delay: float, ratio: complex, power: float, moments: tuple[float, float]) -> Link:
    """Link of a measured delay and complex ratio.

    Parameters
    ----------
    delay : float
        Of best fit, with the phase left free, s.
    ratio : complex
        Of best fit.
    power : float
        Squared signal-to-noise ratio of the difference of the two.
    moments : tuple of float
        Mean angular frequency of the signal (1/s), and mean of its square.

    Returns
    -------
    Link
        Mean and covariance after averaging over the two hypotheses.

    Notes
    -----
    Detectors that are turned alike hear a signal with the same phase or the opposite one; others, or a signal
    of two polarisations, with any phase. The two hypotheses are weighed by evidence. Of delay and phase the
    Fisher matrix is, in the mean over the signal's power,

    .. math:: F = \\rho^2 \\begin{pmatrix} \\overline{\\omega^2} & -\\bar\\omega \\\\ -\\bar\\omega & 1
        \\end{pmatrix},

    so that the delay has the variance :math:`1 / \\rho^2 \\beta^2` where the phase is free, with
    :math:`\\beta^2 = \\overline{\\omega^2} - \\bar\\omega^2`, and :math:`1 / \\rho^2 \\overline{\\omega^2}`
    where it is not [1]_. With the variance :math:`\\sigma^2` of the free phase, which the data say is
    :math:`\\varphi`, the evidence for it is :math:`\\sqrt{2 / \\pi}\\, \\sigma\\, e^{\\varphi^2 / 2 \\sigma^2}`.

    References
    ----------
    .. [1] S. Fairhurst, "Triangulation of gravitational wave sources with a network of detectors", New J.
       Phys. 11 (2009) 123006, eq. 14.
    """
    mean, square = moments
    bandwidth = max(square - mean * mean, 1e-6 * square)
    sign = 1.0 if ratio.real >= 0 else -1.0
    phase = cmath.phase(sign * ratio)
    free = np.array([[1.0, mean], [mean, square]]) / (power * bandwidth)
    tied = np.array([[1.0 / (power * square), 0.0], [0.0, 0.0]])
    # no posterior is wider than the prior, half a turn
    odds = min(1.0, math.sqrt(2.0 * free[1, 1] / math.pi)) * math.exp(min(phase**2 / (2.0 * free[1, 1]), _MOST))
    trust = odds / (1.0 + odds)
    between = np.array([mean / square * phase, phase])
    covariance = np.zeros((3, 3))
    covariance[0, 0] = 1.0 / power
    covariance[1:, 1:] = trust * free + (1.0 - trust) * tied
    covariance[1:, 1:] += trust * (1.0 - trust) * np.outer(between, between)
    return Link(
        delay - (1.0 - trust) * float(between[0]),
        sign * abs(ratio) * cmath.exp(1j * trust * phase),
        covariance,
    )


def distance(one: Link, two: Link) -> float:
    """How far two links are from each other, in standard errors of the second."""
    turn = two.ratio / one.ratio
    off = np.array([math.log(abs(turn)), two.delay - one.delay, cmath.phase(turn)])
    scale = np.sqrt(np.diag(two.covariance))
    scaled = two.covariance / np.outer(scale, scale)
    # a narrow band knows one combination of delay and phase only
    return math.sqrt(float(off / scale @ np.linalg.pinv(scaled, rcond=1e-6) @ (off / scale)))


def shaken(analytic: Any, slope: Any, covariance: Any) -> Any:
    """Variance of a signal whose amplitude, arrival and phase are uncertain.

    Parameters
    ----------
    analytic : numpy.ndarray, shape (n,), complex
        Analytic signal.
    slope : numpy.ndarray, shape (n,), complex
        Its derivative, per second.
    covariance : numpy.ndarray, shape (3, 3)
        As of `Link`.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Variance of the real part, averaged over the carrier's phase.

    Notes
    -----
    Small errors change the signal s by :math:`s\\,\\delta \\ln a + i s\\,\\delta\\varphi - \\dot s\\,\\delta\\tau`.
    """
    power, cross = np.abs(analytic) ** 2, (slope * analytic.conj()).imag
    variance = power * (covariance[0, 0] + covariance[2, 2]) + np.abs(slope) ** 2 * covariance[1, 1]
    return 0.5 * np.maximum(variance - 2.0 * cross * covariance[1, 2], 0.0)
