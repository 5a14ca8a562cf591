"""Inspiral of light binaries, whose merger lies above the band."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.errors import ParameterError

__all__ = ["newtonian_inspiral"]

_SUN_SECONDS = 4.925490947641267e-6


def newtonian_inspiral(
    n: int,
    sample_rate: float,
    chirp_mass: float,
    *,
    coalescence: float | None = None,
    phase: float = 0.0,
    highest: float | None = None,
) -> Any:
    """Chirp of a binary neutron star to lowest order.

    Parameters
    ----------
    n : int
        Number of samples.
    sample_rate : float
        Hz.
    chirp_mass : float
        Solar masses, in the detector's frame; 1.2 for two neutron stars.
    coalescence : float, optional
        Time of the end, s; the end of the record by default.
    phase : float
        Radians at coalescence.
    highest : float, optional
        Frequency in Hz at which the chirp stops; 0.4 of the sample rate by default.

    Returns
    -------
    array, shape (n,)
        ``f**(2/3) cos(phase)`` with unit peak, zero after the end.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    With :math:`\\tau` the time to coalescence, :math:`\\pi f = (5 / 256 \\tau)^{3/8} (G M_c / c^3)^{-5/8}`
    and the phase :math:`-2 (5 G M_c / c^3)^{-5/8} \\tau^{5/8}` [1]_.

    References
    ----------
    .. [1] M. Maggiore, "Gravitational Waves", vol. 1, Oxford (2008), eqs. 4.20 and 4.30.
    """
    top = 0.4 * sample_rate if highest is None else highest
    for name, value in (("n", n), ("sample_rate", sample_rate), ("chirp_mass", chirp_mass), ("highest", top)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name}: must be positive, got {value}")
    mass = chirp_mass * _SUN_SECONDS
    end = n / sample_rate if coalescence is None else coalescence
    left = np.maximum(end - np.arange(n) / sample_rate, 1e-9)
    f = (5.0 / (256.0 * left)) ** 0.375 * mass**-0.625 / math.pi
    angle = phase - 2.0 * (left / (5.0 * mass)) ** 0.625
    h = np.where((np.arange(n) / sample_rate < end) & (f < top), np.cbrt(f) ** 2 * np.cos(angle), 0.0)
    largest = np.abs(h).max()
    return h / largest if largest > 0 else h
