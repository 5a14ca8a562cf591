"""Whitening that is exactly invertible, edges included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import is_numpy
from sigden.errors import InputError, ParameterError
from sigden.noise.autoregressive import AutoregressiveModel
from sigden.noise.psd import PowerSpectrum
from sigden.operators.base import LinearOperator

__all__ = ["Whitening"]

# A detrended spectrum does not know the record's mean: allow one of ten standard deviations.
_OFFSET = 10.0


class Whitening(LinearOperator):
    """Zero-phase whitening of a stretch of strain as an invertible linear map.

    Parameters
    ----------
    psd : PowerSpectrum
        One-sided density per Hz, of one channel for all rows or of every channel, shape
        ``shape[:-1] + (k,)``.
    sample_rate : float
        Hz.
    shape : int or tuple of int
        Number of samples n, or (..., n).
    impulse_seconds : float
        Half-length of the whitening filter: the spectrum is resolved to about its inverse.
    dynamic_range : float
        The density is lifted to its maximum divided by this where it is lower (zeros of the density).

    Raises
    ------
    InputError
        If the spectrum does not fit the shape, is zero, or is too steep.
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    The covariance R of n samples of stationary noise has the Cholesky-like factor :math:`A^T A = R^{-1}`, A
    lower triangular: every sample minus its best prediction from the samples before it, over the standard
    deviation of that error. A does not assume anything outside the stretch, so the first and last samples are
    white with unit variance too: no taper, no padding, no wrap-round of the strain. An orthogonal circulant Q
    then turns the causal filter's phase to zero,

    .. math:: W = Q A, \\qquad W^T W = R^{-1}, \\qquad W^{-1} = A^{-1} Q^T,

    so that in the interior W is the filter :math:`1/\\sqrt{S f_s / 2}`, and :math:`W^{-1}` undoes W to
    rounding everywhere. Q only mixes samples that are white already; a signal within the filter's memory of
    one end leaves a trace of itself at the other end. A constant offset of the strain is allowed for.

    The noise is modelled as an autoregression whose order is ``impulse_seconds`` of samples. Runs on NumPy.

    References
    ----------
    .. [1] S. M. Kay, "Modern Spectral Estimation", Prentice Hall (1988), chapter 6.
    .. [2] E. Cuoco et al., "On-line power spectra identification and whitening for the noise in
       interferometric gravitational wave detectors", Class. Quantum Grav. 18 (2001) 1727.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden.noise import PowerSpectrum
    >>> flat = PowerSpectrum(np.array([0.0, 512.0]), np.array([2e-46, 2e-46]))
    >>> whiten = Whitening(flat, 1024.0, 4096, impulse_seconds=0.1)
    >>> x = np.random.default_rng(0).normal(size=4096) * np.sqrt(2e-46 * 512)
    >>> bool(np.allclose(whiten.inverse(whiten(x)), x, rtol=0, atol=1e-30))
    True
    """

    def __init__(
        self,
        psd: PowerSpectrum,
        sample_rate: float,
        shape: int | tuple[int, ...],
        *,
        impulse_seconds: float = 1.0,
        dynamic_range: float = 1e15,
    ) -> None:
        super().__init__(shape, shape, like=np.empty(0))
        if not (math.isfinite(sample_rate) and sample_rate > 0):
            raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
        order = round(impulse_seconds * sample_rate) if math.isfinite(impulse_seconds) else 0
        if order < 1:
            raise ParameterError(f"impulse_seconds: {impulse_seconds} s hold no sample at {sample_rate} Hz")
        lead = psd.density.shape[:-1]
        if lead and lead != self.in_shape[:-1]:
            raise InputError(
                f"Whitening: the spectrum has channels {lead}, the data {self.in_shape[:-1]}; "
                "give one spectrum for all channels or one for each"
            )
        rows = psd.density.reshape(-1, psd.frequencies.size)
        models = tuple(
            AutoregressiveModel.from_spectrum(
                PowerSpectrum(psd.frequencies, row),
                sample_rate,
                order,
                dynamic_range=dynamic_range,
                offset=_OFFSET,
            )
            for row in rows
        )
        self._set(psd=psd, sample_rate=float(sample_rate), _models=models)
        self._set(_phases=self._zero_phases())

    def _zero_phases(self) -> tuple[Any, ...]:
        responses = [model.response(self.in_shape[-1]) for model in self._models]
        return tuple(np.conj(r) / np.abs(r) for r in responses)

    _models: tuple[AutoregressiveModel, ...]
    _phases: tuple[Any, ...]
    psd: PowerSpectrum
    sample_rate: float

    @property
    def models(self) -> tuple[AutoregressiveModel, ...]:
        """Autoregressive model of the noise, one per channel of the spectrum."""
        return self._models

    def resized(self, shape: int | tuple[int, ...]) -> Whitening:
        """Whitening of another length with the same noise model, which is not fitted again.

        Parameters
        ----------
        shape : int or tuple of int
            New shape.

        Returns
        -------
        Whitening
            The operator.

        Raises
        ------
        InputError
            If the channels do not fit.
        """
        twin = object.__new__(Whitening)
        LinearOperator.__init__(twin, shape, shape, like=np.empty(0))
        lead = self.psd.density.shape[:-1]
        if lead and lead != twin.in_shape[:-1]:
            raise InputError(
                f"Whitening: the spectrum has channels {lead}, the new shape {twin.in_shape[:-1]}"
            )
        twin._set(psd=self.psd, sample_rate=self.sample_rate, _models=self._models)
        twin._set(_phases=twin._zero_phases())
        return twin

    def forward(self, x: Any) -> Any:
        """Whitened strain; the same as calling the operator."""
        return self(x)

    def inverse(self, y: Any) -> Any:
        """Strain of whitened samples.

        Parameters
        ----------
        y : array, same shape
            Whitened samples.

        Returns
        -------
        array
            ``W^{-1} y`` in the precision of `y`.

        Raises
        ------
        InputError
            If the shape, dtype or library of `y` does not fit.
        """
        xp = self._checked(y, self.out_shape, "inverse")
        self._require_numpy(xp)
        return self._by_channel(y, lambda model, phase, e: model.colour(_rotate(e, np.conj(phase))))

    def norm_bound(self) -> float:
        """Upper bound on the spectral norm: the largest gain of the infinite filter."""
        gains = [float(np.abs(model.response(16 * (model.order + 1))).max()) for model in self._models]
        return 1.02 * max(gains)

    def _forward(self, xp: Any, x: Any) -> Any:
        self._require_numpy(xp)
        return self._by_channel(x, lambda model, phase, v: _rotate(model.whiten(v), phase))

    def _adjoint(self, xp: Any, y: Any) -> Any:
        self._require_numpy(xp)
        return self._by_channel(y, lambda model, phase, v: model.whiten_adjoint(_rotate(v, np.conj(phase))))

    def _by_channel(self, x: Any, apply: Any) -> Any:
        if np.iscomplexobj(x):
            out = self._by_channel(x.real, apply) + 1j * self._by_channel(x.imag, apply)
            return out.astype(x.dtype, copy=False)
        rows = np.ascontiguousarray(x, dtype=np.float64).reshape(-1, x.shape[-1])
        if len(self._models) == 1:
            out = apply(self._models[0], self._phases[0], rows)
        else:
            parts = zip(self._models, self._phases, rows, strict=True)
            out = np.stack([apply(model, phase, row) for model, phase, row in parts])
        return out.reshape(x.shape).astype(x.dtype, copy=False)

    @staticmethod
    def _require_numpy(xp: Any) -> None:
        if not is_numpy(xp):
            raise InputError("Whitening: runs on NumPy arrays only; copy the samples to the host first")


def _rotate(e: Any, phase: Any) -> Any:
    """Circular filter of unit gain at every frequency: an orthogonal map."""
    from scipy.fft import irfft, rfft

    n = e.shape[-1]
    spectrum = rfft(e, axis=-1) * phase
    return irfft(spectrum, n, axis=-1)
