"""Translation-invariant wavelet shrinkage of a line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.denoisers.shrinkage.line import LineShrinkage
from sigden.errors import ParameterError
from sigden.noise import mad_sigma
from sigden.operators._fft import irfftn, rfftn

__all__ = ["WaveletDenoiser"]

_MOST_LEVELS = 12
_BLOCK = 3  # a coefficient and its neighbours


@dataclass(frozen=True, kw_only=True)
class WaveletDenoiser(LineShrinkage):
    """Stationary wavelet shrinkage, averaged over several wavelets.

    Parameters
    ----------
    wavelets : tuple of str, default ("sym4", "sym8", "coif5")
        Orthogonal wavelets by their PyWavelets names; the estimates of all are averaged.
    shrinkage : {"block", "hard", "soft"}, default "block"
        Neighbouring coefficients of a scale share the decision and are scaled down by the James-Stein rule
        [2]_, or each is kept as it is or moved towards zero on its own [1]_.
    threshold : float, optional
        In units of the noise of a coefficient; for "block" of the mean energy of a block over that of noise.
        By default what the largest of the m = n / 2^j independent coefficients of scale j reaches in noise,
        :math:`\\sqrt{2 \\log m}`; for blocks :math:`(2/3) \\log m`. 0 gives the data back.
    levels : int, optional
        Number of scales; by default as many as the record holds the filters of, at most 12.
    noise : {"white", "coloured"}, default "white"
        As of `sigma`, or of a level of its own in every scale, the median absolute deviation of its
        coefficients [3]_.

    Notes
    -----
    With the orthogonal pair of filters H, G the details of scale j have the transfer function
    :math:`G(2^{j-1}\\omega) \\prod_{i<j-1} H(2^i \\omega)`; nothing is decimated, which is the mean
    over all translations of the decimated transform [1]_. The squared moduli of all transfer functions sum
    to one, so that the adjoint is the inverse. A coefficient is multiplied
    by :math:`(1 - \\lambda / E)_+`, E being the mean energy of it and of its two neighbours :math:`2^j`
    samples away, in units of the noise. The line is mirrored at its ends; what is smoother than the
    coarsest scale is kept. Works on any array library.

    References
    ----------
    .. [1] R. R. Coifman and D. L. Donoho, "Translation-invariant de-noising", in Wavelets and Statistics,
       Springer (1995) 125.
    .. [2] T. T. Cai and B. W. Silverman, "Incorporating information on neighbouring coefficients into wavelet
       estimation", Sankhya B 63 (2001) 127.
    .. [3] I. M. Johnstone and B. W. Silverman, "Wavelet threshold estimators for data with correlated noise",
       J. R. Stat. Soc. B 59 (1997) 319.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import WaveletDenoiser
    >>> t = np.arange(2048) / 2048
    >>> burst = 5 * np.exp(-(((t - 0.5) / 0.05) ** 2)) * np.sin(2 * np.pi * 60 * t)
    >>> noisy = burst + np.random.default_rng(0).standard_normal(t.size)
    >>> bool(np.mean((WaveletDenoiser()(noisy, sigma=1.0) - burst) ** 2) < 0.1)
    True
    """

    wavelets: tuple[str, ...] = ("sym4", "sym8", "coif5")
    shrinkage: Literal["block", "hard", "soft"] = "block"
    threshold: float | None = None
    levels: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shrinkage not in ("block", "hard", "soft"):
            raise ParameterError(f"shrinkage: must be 'block', 'hard' or 'soft', got {self.shrinkage!r}")
        if self.threshold is not None and not self.threshold >= 0:
            raise ParameterError(f"threshold: must not be negative, got {self.threshold}")
        if self.levels is not None and not 1 <= self.levels <= 30:
            raise ParameterError(f"levels: must be from 1 to 30, got {self.levels}")
        if not self.wavelets:
            raise ParameterError("wavelets: name at least one")
        for name in self.wavelets:
            _filters(name)

    def _idle(self) -> bool:
        return self.threshold == 0

    def _shrunk(self, z: Any) -> Any:
        estimates = [self._with(z, _filters(name)) for name in self.wavelets]
        return sum(estimates[1:], start=estimates[0]) / len(estimates)

    def _with(self, z: Any, filters: tuple[Any, Any]) -> Any:
        xp, n = namespace(z), z.shape[1]
        levels = self.levels or max(1, min(_MOST_LEVELS, int(math.log2(n / (filters[0].size - 1) + 1))))
        mirrored = xp.concat([z, xp.flip(z, axis=1)], axis=1)
        shape = (2 * n,)
        spectrum, total = rfftn(xp, mirrored, shape, (1,)), None
        for level, transfer in _transfers(filters, 2 * n, levels):
            response = xp.asarray(transfer, dtype=spectrum.dtype, device=device_of(z))
            part = spectrum * response
            if level:
                details = irfftn(xp, part, shape, (1,))
                noise = _rms(transfer, n) if self.noise == "white" else mad_sigma(details)[:, None]
                kept = details * self._factor(details, noise, 2**level, n)
                part = rfftn(xp, kept, shape, (1,))
            part = part * xp.conj(response)
            total = part if total is None else total + part
        return irfftn(xp, total, shape, (1,))[:, :n]

    def _factor(self, details: Any, noise: Any, step: int, n: int) -> Any:
        """What is left of each coefficient, 0 to 1."""
        xp = namespace(details)
        limit = self.threshold
        if limit is None:
            # so many coefficients of the scale are independent
            largest = 2.0 * math.log(max(2.0, n / step))
            limit = largest / _BLOCK if self.shrinkage == "block" else math.sqrt(largest)
        energy = details * details
        if self.shrinkage == "block":
            energy = energy + xp.roll(energy, step, axis=1) + xp.roll(energy, -step, axis=1)
        bound = _BLOCK * limit * noise * noise if self.shrinkage == "block" else (limit * noise) ** 2
        loud = energy > bound
        share = bound / xp.where(loud, energy, xp.ones_like(energy))
        if self.shrinkage == "hard":
            return xp.astype(loud, details.dtype)
        left = 1 - (share if self.shrinkage == "block" else xp.sqrt(share))
        return xp.where(loud, left, xp.zeros_like(left))


def _filters(name: str) -> tuple[Any, Any]:
    """Low-pass and high-pass filter of an orthogonal wavelet, the taps of the first summing to one."""
    import pywt

    if name not in pywt.wavelist(kind="discrete"):
        raise ParameterError(f"wavelets: unknown wavelet {name!r}; PyWavelets lists them (sym8, db4, coif3)")
    wavelet = pywt.Wavelet(name)
    if not wavelet.orthogonal:
        raise ParameterError(f"wavelets: {name!r} is not orthogonal; its adjoint is not its inverse")
    return np.asarray(wavelet.dec_lo) / math.sqrt(2.0), np.asarray(wavelet.dec_hi) / math.sqrt(2.0)


def _transfers(filters: tuple[Any, Any], n: int, levels: int) -> Iterator[tuple[int, Any]]:
    """Level and its transfer function on the grid of a real transform of length n; level 0 is the rest."""
    low, high = (np.fft.fft(np.pad(taps, (0, -taps.size % n)).reshape(-1, n).sum(axis=0)) for taps in filters)
    place = np.arange(n // 2 + 1)
    smooth = np.ones(place.size, dtype=complex)
    for level in range(1, levels + 1):
        at = place * 2 ** (level - 1) % n
        yield level, smooth * high[at]
        smooth = smooth * low[at]
    yield 0, smooth


def _rms(transfer: Any, n: int) -> float:
    """Standard deviation of coefficients of unit white noise."""
    power = np.abs(transfer) ** 2
    return float(math.sqrt((2 * power.sum() - power[0] - power[-1]) / (2 * n)))
