"""Constant-Q spectrogram of whitened strain."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError

__all__ = ["constant_q"]


def constant_q(whitened: Any, sample_rate: float, frequencies: Any, *, q: float = 8.0) -> Any:
    """Energy in sine-Gaussian tiles of one quality factor.

    Parameters
    ----------
    whitened : array, shape (n,)
        Whitened strain without NaN.
    sample_rate : float
        Samples per second.
    frequencies : array, shape (k,)
        Central frequencies in Hz, above 0 and below half of the sample rate.
    q : float
        Quality factor: central frequency over bandwidth, :math:`Q = f / (\\sqrt{2}\\,\\sigma_f)`.

    Returns
    -------
    array of float64, shape (k, n)
        Squared modulus, of mean 1 for white noise of unit variance.

    Raises
    ------
    InputError
        If the series is not one-dimensional and finite.
    ParameterError
        If a frequency or `q` is out of range.

    Notes
    -----
    The tile at frequency :math:`f_0` is a Gaussian :math:`\\exp(-(f - f_0)^2 / (2 \\sigma_f^2))` on the
    positive frequencies. The series is taken as periodic; leave a margin.

    References
    ----------
    .. [1] S. Chatterji et al., "Multiresolution techniques for the detection of gravitational-wave bursts",
       Class. Quantum Grav. 21 (2004) S1809.
    """
    x = np.asarray(whitened, dtype=np.float64)
    centres = np.asarray(frequencies, dtype=np.float64)
    if x.ndim != 1 or x.size < 2 or not np.isfinite(x).all():
        raise InputError(f"spectrogram: expected finite samples of shape (n,), got {x.shape}")
    if not q > 0 or not ((centres > 0) & (centres < sample_rate / 2)).all():
        raise ParameterError("spectrogram: q and frequencies must be positive, frequencies below Nyquist")
    from scipy.fft import fft, fftfreq, ifft, next_fast_len

    # zeros up to a length that transforms fast
    n = next_fast_len(x.size)
    spectrum = fft(x, n)
    f = fftfreq(n, 1 / sample_rate)
    out = np.empty((centres.size, x.size))
    for i, centre in enumerate(centres):
        width = centre / (np.sqrt(2) * q)
        tile = np.where(f > 0, np.exp(-((f - centre) ** 2) / (2 * width**2)), 0.0)
        tile *= np.sqrt(n / np.sum(tile**2))
        out[i] = np.abs(ifft(spectrum * tile)[: x.size]) ** 2
    return out
