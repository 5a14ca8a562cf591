"""Spectra of compact binaries: powers of the frequency in the phase, a smooth amplitude."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["LEADING", "NEWTON", "ORDERS", "POST_NEWTON", "Family"]

LEADING = 3.0 / 32.0  # of v^-5, for equal masses
ORDERS = (0, 2, 3, 4, 6, 7)  # powers of v beyond the leading one; the fifth and the eighth are phase and time
NEWTON = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
# Equal masses without spin: 3715/756 + 55/36, -16 pi, 15293365/508032 + 27145/2016 + 3085/1152.
POST_NEWTON = np.array([1.0, 6.442, -50.27, 46.25, 0.0, 0.0])
# Wide enough for Newton's law alone, for mass ratios and spins, and for the turn of the phase at the merger.
_DEVIATION = np.array([0.5, 4.0, 25.0, 40.0, 1500.0, 1500.0])
_MASSES = 7.0  # e-folds of mass that are looked at
_RATE = 0.1  # inspirals expected in a stretch
_WIDE = 100.0  # deviation of phase and time, which are free
_TIME = 0.01  # of the stretch: unit of the time of arrival
_PASSED = 0.8  # v at which the ringdown of the remnant has passed
_STEEP = 16
_FADE = 0.02  # of the stretch
_SMOOTHNESS = 0.5  # range of the amplitude's correlation in the logarithm of frequency
_NODES = 0.7  # distance of the nodes in units of it


@dataclass(frozen=True, eq=False)
class Family:
    """Bins of a stretch's spectrum and the inspirals around one through them.

    Parameters
    ----------
    frequencies : numpy.ndarray, shape (bins,)
        Cycles per sample, evenly spaced, positive.
    size : int
        Samples of the stretch.
    leading : float
        Phase of the leading term at the lowest frequency, rad: 3/32 v^-5 for equal masses.
    arrival : float
        Sample of the end of the chirp.

    Notes
    -----
    The stationary phase of an inspiral [1]_, with free coefficients:

    .. math:: \\psi(f) = 2\\pi f t + \\varphi + \\frac{3}{32} v^{-5} \\sum_k c_k v^k,
        \\qquad v = (\\pi G M f / c^3)^{1/3},

    k = 0, 2, 3, 4, 6, 7. With the last two it follows mergers too [2]_. The prior of the coefficients is
    normal around those of equal masses without spin. The amplitude is a Gaussian process in the logarithm of
    frequency, up to the end of the ringdown and from the first frequency that arrives within the stretch.

    References
    ----------
    .. [1] A. Buonanno et al., "Comparison of post-Newtonian templates for compact binary inspiral signals",
       Phys. Rev. D 80 (2009) 084043, eq. 3.18.
    .. [2] P. Ajith et al., "Inspiral-merger-ringdown waveforms for black-hole binaries with nonprecessing
       spins", Phys. Rev. Lett. 106 (2011) 241101, eq. 1.
    """

    frequencies: Any
    size: int
    leading: float
    arrival: float

    @cached_property
    def velocity(self) -> Any:
        """Orbital velocity v over that of light, if the masses were equal."""
        start = (LEADING / self.leading) ** 0.2
        return start * np.cbrt(self.frequencies / self.frequencies[0])

    @cached_property
    def powers(self) -> Any:
        """Derivatives of the phase by its parameters: powers of v, phase, time; shape (8, bins)."""
        v, f = self.velocity, self.frequencies
        turn = 2.0 * math.pi * _TIME * self.size * (f - f.mean())
        return np.stack([*(LEADING * v ** (k - 5) for k in ORDERS), np.ones_like(v), turn])

    @cached_property
    def carrier(self) -> Any:
        """Phase of an impulse at the time of arrival."""
        return 2.0 * math.pi * self.arrival * self.frequencies

    def phase(self, parameters: Any) -> Any:
        """Phase of each bin, shape (bins,)."""
        return np.einsum("ib,i->b", self.powers, parameters) + self.carrier

    @cached_property
    def precision(self) -> Any:
        """Inverse prior variance of the parameters, shape (8,)."""
        return 1.0 / np.concatenate([_DEVIATION, [_WIDE, _WIDE]]) ** 2

    @cached_property
    def expected(self) -> Any:
        """Prior mean of the parameters, shape (8,)."""
        return self.start(POST_NEWTON)

    @property
    def log_prior(self) -> float:
        """What the prior of mass, phase and time says beyond the normal ones of `precision`."""
        # the integral of a normal density of unit height, over the range of the parameter
        ranges = (_MASSES / _DEVIATION[0], 2.0 * math.pi / _WIDE, 1.0 / (_TIME * _WIDE))
        return math.log(_RATE) + sum(math.log(math.sqrt(2.0 * math.pi) / r) for r in ranges)

    def start(self, coefficients: Any) -> Any:
        """Parameters of given coefficients, without a phase, at the time of arrival."""
        return np.concatenate([coefficients, [0.0, 0.0]])

    def window(self, parameters: Any) -> Any:
        """One where the amplitude may be: within the stretch, and before the ringdown has passed."""
        delays = np.gradient(self.phase(parameters), self.frequencies) / (2.0 * math.pi)
        arrivals = delays / self.size
        inside = np.clip(np.minimum(arrivals, 1.0 - arrivals) / _FADE, 0.0, 1.0)
        return inside / (1.0 + (self.velocity / _PASSED) ** _STEEP)

    def amplitudes(self, parameters: Any) -> Any:
        """Root of the amplitude's prior covariance, of unit scale, shape (nodes, bins)."""
        logarithm = np.log(self.frequencies / self.frequencies[0])
        step = _NODES * _SMOOTHNESS
        nodes = np.arange(-step, logarithm[-1] + 1.5 * step, step)
        inside = np.exp(-0.5 * ((nodes[:, None] - nodes) / _SMOOTHNESS) ** 2)
        root = np.linalg.cholesky(inside + 1e-6 * np.eye(nodes.size))
        across = np.exp(-0.5 * ((logarithm - nodes[:, None]) / _SMOOTHNESS) ** 2)
        return np.einsum("ij,jb->ib", np.linalg.inv(root), across * self.window(parameters))
