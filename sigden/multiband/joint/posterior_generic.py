"""Joint posterior of Fourier modes by dense linear algebra: the readable reference of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.multiband.joint.planes import mode_weight
from sigden.multiband.psf.spectrum import gaussian_sharpening

__all__ = ["estimate_modes", "evidence", "propagated_noise", "seen_modes"]


def _full(half: Any, columns: int) -> Any:
    """All modes of real images from those of their non-negative columns."""
    rows = half.shape[-2]
    missing = np.arange(columns // 2 + 1, columns)
    mirror = half[..., (-np.arange(rows)) % rows, :][..., columns - missing]
    return np.concatenate([half, mirror.conj()], axis=-1)


def _folded(full: Any, k: int) -> Any:
    """Aliases (..., rows / k, columns / k, k * k) of every coarse frequency."""
    *lead, rows, columns = full.shape
    blocks = full.reshape(*lead, k, rows // k, k, columns // k)
    return np.moveaxis(blocks, (-4, -2), (-2, -1)).reshape(*lead, rows // k, columns // k, k * k)


def _unfolded(folded: Any, k: int, columns: int) -> Any:
    """Half plane of the aliases of every coarse frequency."""
    *lead, rows, coarse, _ = folded.shape
    blocks = np.moveaxis(folded.reshape(*lead, rows, coarse, k, k), (-2, -1), (-4, -2))
    return blocks.reshape(*lead, rows * k, columns)[..., : columns // 2 + 1]


def _response(system: Any, columns: int) -> tuple[Any, Any]:
    """Response (rows, columns, data, aliases) of each channel to its own mixture, and the aliases' power."""
    k = int(system.factors[-1])
    unitary = system.transfers.astype(np.complex128) / system.factors[:, None, None]
    transfers = _folded(_full(unitary, columns), k)
    size = system.variance.size
    response = [
        transfers[c][..., None, :] * (np.arange(size)[:, None] == system.where[c])
        for c in range(len(system.factors))
    ]
    return response, _folded(_full(system.power, columns), k)


def _covariance(system: Any, response: Any, power: Any) -> Any:
    total = np.zeros((*power.shape[:2], system.variance.size, system.variance.size), dtype=np.complex128)
    for c, seen in enumerate(response):
        for d, other in enumerate(response):
            total += system.couple[c, d] * (seen * power[..., None, :]) @ other.conj().swapaxes(-1, -2)
    return total + np.diag(system.variance)


def _back(system: Any, response: Any, power: Any, target: Any) -> Any:
    """Covariance (bands, rows, columns, aliases, data) of the scene at the target PSF with the data."""
    spatial = [(x * (power * target)[..., None, :]).conj().swapaxes(-1, -2) for x in response]
    return np.stack([sum(w * x for w, x in zip(column, spatial, strict=True)) for column in system.cross.T])


def estimate_modes(
    system: Any, data: Any, start: Any, given: Any, left: bool, columns: int
) -> tuple[Any, Any]:
    """Posterior mean of every mode, and what it leaves of the data.

    Parameters
    ----------
    system : System
        The linear system of each coarse frequency.
    data : numpy.ndarray, complex, shape (size,)
        Half planes of the channels' modes, one after the other.
    start : numpy.ndarray of int, shape (channels,)
        Where each begins.
    given : numpy.ndarray, complex, shape (bands, rows, columns // 2 + 1), or None
        Modes at the target PSF to start from: the mean is that of what the data hold beyond them, and added.
    left : bool
        Whether to say what is left of the data.
    columns : int
        Columns of the grid.

    Returns
    -------
    modes : numpy.ndarray, complex, shape (bands, rows, columns // 2 + 1)
        Modes at the target PSF.
    left : numpy.ndarray, complex, shape of `data`
        Data less what those predict, where the target passes a millionth; empty if not asked for.
    """
    k = int(system.factors[-1])
    response, power = _response(system, columns)
    target = _folded(_full(system.target, columns), k)
    vector = _vector(system, data, start, columns)
    if given is not None:
        given = _folded(_full(given.astype(np.complex128), columns), k)
        vector = vector - _seen(system, response, given, target)
    solved = np.linalg.solve(_covariance(system, response, power), vector)
    estimate = (_back(system, response, power, target) @ solved)[..., 0]
    rest = np.empty(0, data.dtype)
    if left:
        rest = _packed(system, vector - _seen(system, response, estimate, target), columns).astype(data.dtype)
    modes = estimate if given is None else given + estimate
    return _unfolded(modes, k, columns).astype(system.transfers.dtype), rest


def _seen(system: Any, response: Any, modes: Any, target: Any) -> Any:
    """Data (rows, columns, data, 1) that bands (bands, rows, columns, aliases) at the target PSF predict."""
    sharp = modes * gaussian_sharpening(target)
    mixed = [np.tensordot(mix, sharp, 1)[..., None] for mix in system.mix]
    return sum(r @ m for r, m in zip(response, mixed, strict=True))


def _packed(system: Any, vector: Any, columns: int) -> Any:
    """Half planes, one after the other, of data (rows, columns, data, 1)."""
    k, halves = int(system.factors[-1]), []
    for factor, own in zip(system.factors, system.where, strict=True):
        q = k // int(factor)
        part = vector[..., own[0] : own[0] + q**2, 0]
        halves.append(_unfolded(part, q, columns // int(factor)).ravel())
    return np.concatenate(halves)


def evidence(system: Any, data: Any, start: Any, columns: int) -> float:
    """Log likelihood of the data but for a constant.

    Parameters
    ----------
    system, data, start, columns
        As `estimate_modes`.

    Returns
    -------
    float
        Sum over modes of ``-d^H K^-1 d - log det K``, halved for modes that are their own mirror image.
    """
    k = int(system.factors[-1])
    response, power = _response(system, columns)
    matrix = _covariance(system, response, power)[:, : columns // k // 2 + 1]
    vector = _vector(system, data, start, columns)[:, : columns // k // 2 + 1]
    quadratic = np.sum(vector.conj() * np.linalg.solve(matrix, vector), axis=(-2, -1)).real
    value = -quadratic - np.linalg.slogdet(matrix)[1]
    return float(np.sum(value * mode_weight(columns // k)) / 2.0)


def _vector(system: Any, data: Any, start: Any, columns: int) -> Any:
    """Data (rows, columns, data, 1) of every coarse frequency."""
    k, rows = int(system.factors[-1]), system.power.shape[0]
    vector = []
    for begin, factor in zip(start, system.factors, strict=True):
        own_rows, own_columns = rows // factor, columns // factor
        width = own_columns // 2 + 1
        half = data[begin : begin + own_rows * width].reshape(own_rows, width).astype(np.complex128)
        vector.append(_folded(_full(half, own_columns), k // int(factor)))
    return np.concatenate(vector, -1)[..., None]


def propagated_noise(system: Any, combinations: Any, columns: int) -> tuple[Any, Any, Any]:
    """Noise power of combinations of bands, and covariances summed over modes.

    Parameters
    ----------
    system : System
        The linear system of each coarse frequency.
    combinations : numpy.ndarray, shape (combinations, bands)
        Weight of each band.
    columns : int
        Columns of the grid.

    Returns
    -------
    noise : numpy.ndarray, shape (combinations, rows, columns // 2 + 1)
        Mean square of the propagated noise in each mode of each combination.
    propagated, explained : numpy.ndarray, shape (bands, bands)
        Sums over all modes of the covariance of the noise, and of what the data explain of the prior.
    """
    k = int(system.factors[-1])
    response, power = _response(system, columns)
    back = _back(system, response, power, _folded(_full(system.target, columns), k))
    gain = back @ np.linalg.inv(_covariance(system, response, power))
    mixed = np.tensordot(combinations, gain, 1)
    noise = np.sum(np.abs(mixed) ** 2 * system.variance, axis=-1)
    propagated = np.einsum("brcad,ercad->be", gain * system.variance, gain.conj()).real
    explained = np.einsum("brcad,ercad->be", gain, back.conj()).real
    return _unfolded(noise, k, columns), propagated, explained


def seen_modes(transfer: Any, modes: Any, mix: Any, factor: int, columns: int) -> Any:
    """Modes of the image that a channel takes of a scene.

    Parameters
    ----------
    transfer : numpy.ndarray, complex, shape (rows, columns // 2 + 1)
        Transfer function on the grid.
    modes : numpy.ndarray, complex, shape (bands, rows, columns // 2 + 1)
        Unitary DFT of the bands.
    mix : numpy.ndarray, shape (bands,)
        Weight of each band.
    factor : int
        Every so many pixels of the grid one of the image.
    columns : int
        Columns of the grid.

    Returns
    -------
    numpy.ndarray, complex, shape (rows / factor, columns / factor // 2 + 1)
        Unitary DFT of the image: sums of the modes that alias onto one.
    """
    plane = _full(np.tensordot(mix, modes, 1) * transfer, columns)
    seen = np.sum(_folded(plane, factor), axis=-1) / factor
    return seen[:, : columns // factor // 2 + 1].astype(modes.dtype)
