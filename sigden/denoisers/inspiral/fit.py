"""Posterior of one inspiral: linear in the amplitude, Gauss-Newton steps in the phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.denoisers.inspiral.amplitude import SmoothAmplitude
from sigden.denoisers.inspiral.family import Family
from sigden.denoisers.inspiral.scan import Seed

__all__ = ["Fit", "fit"]

_STEPS = 15
_LONGEST_STEP = 0.7  # rad, mean over the signal's energy
_DONE = 1e-3
_MOST_VARIANCE = 50.0


@dataclass(frozen=True, eq=False)
class Fit:
    """Posterior of one inspiral.

    Parameters
    ----------
    spectrum : numpy.ndarray, shape (bins,), complex
        Posterior mean.
    directions : numpy.ndarray, shape (k, bins), complex
        Root of the posterior covariance: the spectrum plus their sum weighted by normal numbers is a draw.
    freedom : float
        Number of real parameters that the data have told.
    evidence : float
        Logarithm of the likelihood ratio to noise, the prior included.
    """

    spectrum: Any
    directions: Any
    freedom: float
    evidence: float


def fit(spectrum: Any, frequencies: Any, size: int, seed: Seed) -> Fit:
    """Posterior around one maximum.

    Parameters
    ----------
    spectrum : numpy.ndarray, shape (bins,), complex
        Fourier coefficients of unit noise.
    frequencies : numpy.ndarray, shape (bins,)
        Cycles per sample, evenly spaced.
    size : int
        Samples of the stretch.
    seed : Seed
        Where the search begins.

    Returns
    -------
    Fit
        Mean, covariance and evidence.

    Notes
    -----
    The signal is :math:`A(f) e^{-i \\psi(f)}` with the phase of `Family`. In data turned by its phase the
    amplitude is seen by the real part only, an error of the phase, times A, by the imaginary part: the
    amplitude is a linear Gaussian estimate, the phase one Gauss-Newton step at a time. The evidence is
    that of Laplace's approximation [1]_; the mean allows for the variance of the phase,
    :math:`E\\,e^{-i\\psi} = e^{-i \\hat\\psi - v/2}`.

    References
    ----------
    .. [1] D. J. C. MacKay, "Bayesian interpolation", Neural Comput. 4 (1992) 415.
    """
    family = Family(frequencies, size, seed.leading, seed.arrival)
    powers, precision = family.powers, family.precision
    parameters = family.start(seed.coefficients)
    amplitude = SmoothAmplitude(family.amplitudes(parameters))
    turned = spectrum * np.exp(1j * family.phase(parameters))
    # the prior of the phase lies around any phase alike, so that the fit turns with the data
    parameters[-2] = -np.angle(np.sum(turned * family.window(parameters)))
    expected = family.expected.copy()
    expected[-2] = parameters[-2]
    for _ in range(_STEPS):
        turned = spectrum * np.exp(1j * family.phase(parameters))
        mean = amplitude.posterior(turned.real)[0]
        energy = mean * mean
        hessian = 2.0 * np.einsum("ib,jb->ij", powers * energy, powers)
        gradient = -2.0 * np.einsum("ib,b->i", powers, mean * turned.imag)
        gradient -= precision * (parameters - expected)
        step = np.linalg.solve(hessian + np.diag(precision), gradient)
        turn = np.abs(np.einsum("ib,i->b", powers, step))
        moved = float(np.sum(energy * turn)) / max(float(energy.sum()), 1e-30)
        parameters = parameters + step * min(1.0, _LONGEST_STEP / max(moved, 1e-30))
        if moved < _DONE:
            break
    return _posterior(family, spectrum, parameters, expected)


def _posterior(family: Family, spectrum: Any, parameters: Any, expected: Any) -> Fit:
    powers, precision = family.powers, family.precision
    wave = np.exp(-1j * family.phase(parameters))
    turned = spectrum * wave.conj()
    amplitude = SmoothAmplitude(family.amplitudes(parameters))
    mean, spread, freedom, evidence = amplitude.posterior(turned.real)
    # in units of the prior's deviations
    units = powers / np.sqrt(precision)[:, None]
    values, vectors = np.linalg.eigh(2.0 * np.einsum("ib,jb->ij", units * (mean * mean), units))
    left = 1.0 / (1.0 + np.maximum(values, 0.0))
    turn = np.einsum("ij,ib->jb", vectors * np.sqrt(left), units)
    off = (parameters - expected) * np.sqrt(precision)
    evidence += 0.5 * float(np.sum(np.log(left)) - np.sum(off * off)) + family.log_prior
    faded = np.exp(-0.5 * np.minimum(np.sum(turn**2, axis=0), _MOST_VARIANCE))
    mean = mean * faded
    directions = wave * np.concatenate([spread, -1j * mean * turn])
    return Fit(mean * wave, directions, freedom + float(np.sum(1.0 - left)), evidence)
