"""Figures of merit of a strain estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.noise.psd import PowerSpectrum

__all__ = [
    "Whiteness",
    "gain",
    "inner_product",
    "match",
    "optimal_snr",
    "overlap",
    "relative_residual",
    "residual_whiteness",
]


@dataclass(frozen=True)
class Whiteness:
    """Result of `residual_whiteness`.

    Parameters
    ----------
    statistic : float
        Ljung-Box statistic Q.
    p_value : float
        Probability of a larger Q for white noise.
    flatness : float
        Geometric over arithmetic mean of the periodogram in the band, times ``exp(gamma)``: one for white
        noise, less for any structure.
    flatness_p_value : float
        Two-sided probability of a flatness further from one for white Gaussian noise.
    """

    statistic: float
    p_value: float
    flatness: float
    flatness_p_value: float


def inner_product(
    a: Any,
    b: Any,
    psd: PowerSpectrum | None = None,
    sample_rate: float = 1.0,
    *,
    band: tuple[float, float] | None = None,
) -> float:
    """Noise-weighted inner product of two real series.

    Parameters
    ----------
    a, b : array, shape (n,)
        Real series.
    psd : PowerSpectrum, optional
        One-sided density per Hz; white with unit variance per sample by default, which makes this the plain
        scalar product.
    sample_rate : float
        Hz.
    band : tuple of float, optional
        Frequencies that count, Hz; all by default.

    Returns
    -------
    float
        :math:`4 \\Re \\int a(f) b^*(f) / S(f) df`.

    Raises
    ------
    InputError
        If the shapes differ or a value is not finite.
    ParameterError
        If the band is empty.

    References
    ----------
    .. [1] C. Cutler and E. E. Flanagan, "Gravitational waves from merging compact binaries", Phys. Rev. D 49
       (1994) 2658, section II.
    """
    fa, fb, weight, scale = _weighted(a, b, psd, sample_rate, band)
    return float(np.sum((fa * fb.conj()).real * weight)) * scale


def overlap(
    a: Any,
    b: Any,
    psd: PowerSpectrum | None = None,
    sample_rate: float = 1.0,
    *,
    band: tuple[float, float] | None = None,
) -> float:
    """Normalised inner product, from -1 to 1.

    Parameters
    ----------
    a, b : array, shape (n,)
        Real series.
    psd, sample_rate, band
        As of `inner_product`.

    Returns
    -------
    float
        :math:`\\langle a,b \\rangle / \\sqrt{\\langle a,a \\rangle \\langle b,b \\rangle}`,
        or 0 if one vanishes.

    Raises
    ------
    InputError, ParameterError
        As `inner_product`.
    """
    fa, fb, weight, _ = _weighted(a, b, psd, sample_rate, band)
    norm = math.sqrt(float(np.sum(np.abs(fa) ** 2 * weight))) * math.sqrt(
        float(np.sum(np.abs(fb) ** 2 * weight))
    )
    return float(np.sum((fa * fb.conj()).real * weight)) / norm if norm > 0 else 0.0


def match(
    a: Any,
    b: Any,
    psd: PowerSpectrum | None = None,
    sample_rate: float = 1.0,
    *,
    band: tuple[float, float] | None = None,
) -> float:
    """Overlap maximised over a shift in time and a constant phase.

    Parameters
    ----------
    a, b : array, shape (n,)
        Real series; shifts are circular and by whole samples.
    psd, sample_rate, band
        As of `inner_product`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    InputError, ParameterError
        As `inner_product`.
    """
    fa, fb, weight, _ = _weighted(a, b, psd, sample_rate, band)
    norm = math.sqrt(float(np.sum(np.abs(fa) ** 2 * weight))) * math.sqrt(
        float(np.sum(np.abs(fb) ** 2 * weight))
    )
    if not norm > 0:
        return 0.0
    n = np.shape(a)[-1]
    cross = np.zeros(n, dtype=np.complex128)
    cross[: weight.size] = fa * fb.conj() * weight
    return float(np.abs(np.fft.ifft(cross)).max()) * n / norm


def optimal_snr(
    h: Any,
    psd: PowerSpectrum | None = None,
    sample_rate: float = 1.0,
    *,
    band: tuple[float, float] | None = None,
) -> float:
    """Signal-to-noise ratio of the matched filter.

    Parameters
    ----------
    h : array, shape (n,)
        Signal alone.
    psd, sample_rate, band
        As of `inner_product`.

    Returns
    -------
    float
        :math:`\\sqrt{\\langle h,h \\rangle}`.

    Raises
    ------
    InputError, ParameterError
        As `inner_product`.
    """
    fa, _, weight, scale = _weighted(h, h, psd, sample_rate, band)
    return math.sqrt(float(np.sum(np.abs(fa) ** 2 * weight)) * scale)


def relative_residual(estimate: Any, truth: Any) -> float:
    """Norm of the error over the norm of the truth; an estimate of zeros scores 1.

    Parameters
    ----------
    estimate, truth : array
        Same shape.

    Returns
    -------
    float
        :math:`\\|u - h\\| / \\|h\\|`.

    Raises
    ------
    InputError
        If the shapes differ, a value is not finite, or the truth vanishes.
    """
    u, h = _pair(estimate, truth)
    scale = float(np.abs(h).max())
    if scale == 0:
        raise InputError("relative_residual: the truth is zero everywhere")
    return float(np.linalg.norm((u - h) / scale) / np.linalg.norm(h / scale))


def gain(estimate: Any, data: Any, window: slice, off_source: Any) -> float:
    """Growth of the peak over the noise from data to estimate.

    Parameters
    ----------
    estimate, data : array, shape (n,)
        Whitened series after and before denoising.
    window : slice
        Samples of the signal.
    off_source : array of bool, shape (n,)
        True where there is noise only.

    Returns
    -------
    float
        Ratio of (peak in the window / standard deviation off source); infinity if the estimate is constant
        off source.

    Raises
    ------
    InputError
        If the shapes differ, a value is not finite, or a part is empty.
    """
    u, x = _pair(estimate, data)
    off = np.asarray(off_source, dtype=bool)
    if off.shape != x.shape or not off.any() or x[window].size == 0:
        raise InputError(f"gain: window {window} and off-source map {off.shape} do not fit data {x.shape}")
    quiet_u, quiet_x = float(u[off].std()), float(x[off].std())
    before = float(np.abs(x[window]).max()) / quiet_x
    return float(np.abs(u[window]).max()) / quiet_u / before if quiet_u > 0 else math.inf


def residual_whiteness(
    residual: Any, sample_rate: float = 1.0, *, band: tuple[float, float] | None = None, lags: int = 20
) -> Whiteness:
    """Test whether a whitened residual is white within a band.

    Parameters
    ----------
    residual : array, shape (n,)
        Whitened residual without gaps.
    sample_rate : float
        Hz.
    band : tuple of float, optional
        Frequencies that count, Hz; all by default. The Fourier coefficients of the band are shifted to zero
        and sampled at the band's own rate, so that noise that is white in the band stays white.
    lags : int
        Number of autocorrelations in the Ljung-Box statistic.

    Returns
    -------
    Whiteness
        Two tests with their probabilities.

    Raises
    ------
    InputError
        If a value is not finite, the residual is constant, or the band holds too few coefficients.
    ParameterError
        If the band is empty or `lags` is not positive.

    References
    ----------
    .. [1] G. M. Ljung and G. E. P. Box, "On a measure of lack of fit in time series models", Biometrika 65
       (1978) 297.
    """
    r, _ = _pair(residual, residual)
    if r.ndim != 1:
        raise InputError(f"residual_whiteness: expected one channel of shape (n,), got {r.shape}")
    if lags < 1:
        raise ParameterError(f"lags: must be positive, got {lags}")
    from scipy.special import polygamma
    from scipy.stats import chi2, norm

    scale = float(np.abs(r).max())
    if scale == 0 or r.min() == r.max():
        raise InputError("residual_whiteness: the residual is constant")
    f = np.fft.rfftfreq(r.size, 1 / sample_rate)
    keep = _band_mask(f, sample_rate, band)
    keep[0] = False
    if r.size % 2 == 0:
        keep[-1] = False
    line = np.fft.rfft(r / scale)[keep]
    count = line.size
    if count <= 2 * lags:
        raise InputError(f"residual_whiteness: {count} Fourier coefficients are too few for {lags} lags")
    # Analytic series of the band at the band's own rate: `count` independent complex samples.
    z = np.fft.ifft(line)
    power = float(np.sum(np.abs(z) ** 2))
    rho = np.array([np.sum(z[k:] * z[:-k].conj()) / power for k in range(1, lags + 1)])
    # Real and imaginary part of a complex autocorrelation each have half the variance of a real one.
    q = 2 * count * (count + 2) * float(np.sum(np.abs(rho) ** 2 / (count - np.arange(1, lags + 1))))
    q_value = float(chi2.sf(q, 2 * lags))
    periodogram = np.abs(line) ** 2
    floor = np.finfo(np.float64).tiny
    excess = float(np.mean(np.log(np.maximum(periodogram, floor))) - np.log(np.mean(periodogram))) + float(
        np.euler_gamma
    )
    deviation = excess / math.sqrt((float(polygamma(1, 1)) - 1) / count)
    return Whiteness(q, q_value, math.exp(excess), float(2 * norm.sf(abs(deviation))))


def _pair(a: Any, b: Any) -> tuple[Any, Any]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.size == 0:
        raise InputError(f"metric: shapes {a.shape} and {b.shape} must be the same and not empty")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("metric: a value is not finite; leave the gaps out first")
    return a, b


def _band_mask(f: Any, sample_rate: float, band: tuple[float, float] | None) -> Any:
    low, high = band if band is not None else (0.0, math.inf)
    if not 0 <= low < high or low >= sample_rate / 2:
        raise ParameterError(f"band: expected 0 <= low < high within {sample_rate / 2:g} Hz, got {band}")
    return (f >= low) & (f <= high)


def _weighted(
    a: Any, b: Any, psd: PowerSpectrum | None, sample_rate: float, band: tuple[float, float] | None
) -> tuple[Any, Any, Any, float]:
    """Transforms, weights and a scale with ``sum(fa conj(fb) weight) * scale`` the inner product."""
    a, b = _pair(a, b)
    if a.ndim != 1:
        raise InputError(f"metric: expected one channel of shape (n,), got {a.shape}")
    if not sample_rate > 0:
        raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
    n = a.size
    f = np.fft.rfftfreq(n, 1 / sample_rate)
    sides = np.full(f.size, 2.0)
    sides[0] = 1.0
    if n % 2 == 0:
        sides[-1] = 1.0
    if psd is not None and psd.density.ndim != 1:
        raise InputError(f"metric: expected the spectrum of one channel, got density {psd.density.shape}")
    density = np.full(f.size, 2 / sample_rate) if psd is None else psd.at(f)
    keep = _band_mask(f, sample_rate, band) & (density > 0)
    level = float(density[keep].min()) if keep.any() else 1.0
    weight = np.where(keep, sides * level / np.where(keep, density, 1.0), 0.0)
    top_a, top_b = (float(np.abs(v).max()) or 1.0 for v in (a, b))
    return (
        np.fft.rfft(a / top_a),
        np.fft.rfft(b / top_b),
        weight,
        2 * (top_a * top_b / level) / (sample_rate * n),
    )
