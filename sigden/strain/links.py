"""What a detector heard of a signal against what others heard: delay, phase, amplitude, and their errors."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Link", "distance", "shaken", "timing"]

_MOST = 50.0
_NARROW = 1e-6


@dataclass(frozen=True, eq=False)
class Link:
    """Delay, phase and amplitude of a signal in one detector.

    Parameters
    ----------
    delay : float
        Arrival after the reference, s.
    ratio : complex
        Amplitude over that in the reference; its argument is the phase of the carrier.
    shape : numpy.ndarray, shape (k - 1,)
        Coefficients of the logarithm of the amplitude that depend on the frequency.
    amplitude : numpy.ndarray, shape (k, k)
        Covariance of the logarithm of the amplitude and its coefficients.
    timing : numpy.ndarray, shape (2, 2)
        Covariance of the delay (s) and the phase (rad).
    """

    delay: float = 0.0
    ratio: complex = 1.0
    shape: Any = ()
    amplitude: Any = ((0.0,),)
    timing: Any = ((0.0, 0.0), (0.0, 0.0))


def timing(
    delay: float, phase: float, power: float, moments: tuple[float, float]
) -> tuple[float, float, Any]:
    """Delay and phase between detectors that may be turned alike, or not.

    Parameters
    ----------
    delay : float
        Of best fit, with the phase left free, s.
    phase : float
        Of best fit, between plus and minus a quarter of a turn.
    power : float
        Squared signal-to-noise ratio of the difference between the detectors.
    moments : tuple of float
        Mean angular frequency of the signal (1/s), and mean of its square.

    Returns
    -------
    delay, phase : float
        Averaged over the two hypotheses.
    covariance : numpy.ndarray, shape (2, 2)
        Of the two.

    Notes
    -----
    Detectors that are turned alike hear a signal with the same phase or the opposite one; others, if the
    signal has two polarisations, with any phase. The two hypotheses are weighed by evidence. The Fisher
    matrix of delay and phase is, in the mean over the signal's power,

    .. math:: F = \\rho^2 \\begin{pmatrix} \\overline{\\omega^2} & -\\bar\\omega \\\\ -\\bar\\omega & 1
        \\end{pmatrix},

    so that the delay has the variance :math:`1 / \\rho^2 \\beta^2` where the phase is free, with the
    bandwidth :math:`\\beta^2 = \\overline{\\omega^2} - \\bar\\omega^2`, and
    :math:`1 / \\rho^2 \\overline{\\omega^2}` where it is not [1]_. Where the free phase is
    :math:`\\varphi` with the variance :math:`\\sigma^2`, the evidence for it is
    :math:`\\sqrt{2 / \\pi}\\, \\sigma\\, e^{\\varphi^2 / 2 \\sigma^2}`.

    References
    ----------
    .. [1] S. Fairhurst, "Triangulation of gravitational wave sources with a network of detectors", New J.
       Phys. 11 (2009) 123006.
    """
    mean, square = moments
    bandwidth = max(square - mean * mean, _NARROW * square)
    free = np.array([[1.0, mean], [mean, square]]) / (power * bandwidth)
    tied = np.array([[1.0 / (power * square), 0.0], [0.0, 0.0]])
    variance = free[1, 1]
    # no posterior is wider than the prior, half a turn
    width = min(1.0, math.sqrt(2.0 * variance / math.pi))
    odds = width * math.exp(min(phase**2 / (2.0 * variance), _MOST))
    trust = odds / (1.0 + odds)
    between = np.array([mean / square * phase, phase])
    covariance = trust * free + (1.0 - trust) * tied
    covariance += trust * (1.0 - trust) * np.outer(between, between)
    return delay - (1.0 - trust) * float(between[0]), trust * phase, covariance


def distance(one: Link, two: Link) -> float:
    """How far two links are from each other, in standard errors of the second."""
    turn = two.ratio / one.ratio
    shape = np.zeros(len(two.shape))
    shape[: len(one.shape)] = one.shape
    gain = np.array([math.log(abs(turn)), *(two.shape - shape)])
    shift = np.array([two.delay - one.delay, cmath.phase(turn)])
    return math.sqrt(_squared(gain, two.amplitude) + _squared(shift, two.timing))


def _squared(off: Any, covariance: Any) -> float:
    scale = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    # a narrow band tells some combinations only
    inverse = np.linalg.pinv(covariance / np.outer(scale, scale), rcond=_NARROW, hermitian=True)
    return max(float(off / scale @ inverse @ (off / scale)), 0.0)


def shaken(link: Link, shapes: Any, slope: Any) -> Any:
    """Variance of a signal whose amplitude, arrival and phase in a detector are uncertain.

    Parameters
    ----------
    link : Link
        Of the detector.
    shapes : numpy.ndarray, shape (k, n), complex
        Analytic signal, times each function of the frequency on which its amplitude depends.
    slope : numpy.ndarray, shape (n,), complex
        Its derivative, per second.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Variance of the real part, averaged over the carrier's phase.

    Notes
    -----
    Small errors change the signal s, whose amplitude depends on the frequency as
    :math:`e^{\\sum_k q_k b_k}`, by
    :math:`\\sum_k \\delta q_k\\, b_k * s + i s\\,\\delta\\varphi - \\dot s\\,\\delta\\tau`.
    """
    turns = np.stack([-slope, 1j * shapes[0]])
    variance = sum(
        np.einsum("kn,kl,ln->n", part.conj(), np.asarray(covariance), part).real
        for part, covariance in ((shapes, link.amplitude), (turns, link.timing))
    )
    return 0.5 * np.maximum(variance, 0.0)
