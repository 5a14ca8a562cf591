"""Filtering by a transfer function, on the half or the full Fourier grid."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.errors import InputError, ParameterError
from sigden.operators._fft import fftn, ifftn, irfftn, rfftn
from sigden.operators._parameters import complex_dtype

__all__ = [
    "checked_psf",
    "filtered",
    "full_grid",
    "hermitian_part",
    "kernel_center",
    "last_axes",
    "transfer_of",
]


def last_axes(ndim: int) -> tuple[int, ...]:
    """The trailing axes."""
    return tuple(range(-ndim, 0))


def filtered(xp: Any, x: Any, transfer: Any, shape: tuple[int, ...], *, half: bool) -> Any:
    """Circular filtering of `x`, padded with zeros to `shape` on its trailing axes.

    A half-grid transfer is that of a real kernel, which acts on real and imaginary part apart.
    """
    axes = last_axes(len(shape))
    is_complex = xp.isdtype(x.dtype, "complex floating")
    if not half:
        x = x if is_complex else xp.astype(x, complex_dtype(x))
        return ifftn(xp, fftn(xp, x, shape, axes) * transfer, shape, axes)
    if is_complex:
        real = filtered(xp, xp.real(x), transfer, shape, half=True)
        imag = filtered(xp, xp.imag(x), transfer, shape, half=True)
        return xp.astype(real, x.dtype) + 1j * xp.astype(imag, x.dtype)
    return irfftn(xp, rfftn(xp, x, shape, axes) * transfer, shape, axes)


def _mirrored(xp: Any, transfer: Any, axes: tuple[int, ...]) -> Any:
    """Values at minus the frequency along some axes."""
    if not axes:
        return transfer
    return xp.roll(xp.flip(transfer, axis=axes), (1,) * len(axes), axis=axes)


def hermitian_part(xp: Any, transfer: Any, shape: tuple[int, ...]) -> Any:
    """Half-grid transfer whose self-mirrored frequencies are Hermitian, as those of a real kernel are."""
    axes = last_axes(len(shape))[:-1]
    out = xp.asarray(transfer, copy=True)
    for k in {0, shape[-1] // 2} if shape[-1] % 2 == 0 else {0}:
        plane = out[..., k : k + 1]
        out[..., k : k + 1] = 0.5 * (plane + xp.conj(_mirrored(xp, plane, axes)))
    return out


def full_grid(xp: Any, transfer: Any, shape: tuple[int, ...]) -> Any:
    """Full-grid transfer of a half-grid one."""
    axes = last_axes(len(shape))[:-1]
    inner = transfer[..., 1 : (shape[-1] + 1) // 2]
    rest = xp.flip(xp.conj(_mirrored(xp, inner, axes)), axis=-1)
    return xp.concat([transfer, rest], axis=-1)


def checked_psf(xp: Any, psf: Any, ndim: int | None, what: str) -> tuple[Any, int]:
    """Double-precision kernel and its number of convolved axes."""
    if not xp.isdtype(psf.dtype, "numeric"):
        raise InputError(f"{what}: PSF dtype {psf.dtype} is not numeric")
    axes = psf.ndim if ndim is None else ndim
    if not 1 <= axes <= psf.ndim:
        raise ParameterError(f"{what}: ndim must be between 1 and {psf.ndim}, got {ndim}")
    if 0 in psf.shape:
        raise InputError(f"{what}: the PSF is empty, shape {tuple(psf.shape)}")
    is_complex = xp.isdtype(psf.dtype, "complex floating")
    values = xp.astype(psf, xp.complex128 if is_complex else xp.float64)
    if not bool(xp.all(xp.isfinite(values))):
        raise InputError(f"{what}: the PSF holds a non-finite value")
    return values, axes


def kernel_center(size: tuple[int, ...], center: Any, what: str) -> tuple[float, ...]:
    """Index of the kernel's origin; the middle of odd sizes unless given."""
    if center is None:
        for n in size:
            if n % 2 == 0:
                sample, between = tuple(n // 2 for n in size), tuple((n - 1) / 2 for n in size)
                raise ParameterError(
                    f"{what}: a PSF of even size {size} has no middle sample; give center, for example "
                    f"{sample}, or {between} where fractions are allowed"
                )
        return tuple(float((n - 1) // 2) for n in size)
    given = tuple(float(c) for c in (center if isinstance(center, (tuple, list)) else (center,)))
    if len(given) != len(size) or not all(0 <= c <= n - 1 for c, n in zip(given, size, strict=False)):
        raise ParameterError(f"{what}: center must hold {len(size)} indices inside {size}, got {center!r}")
    return given


def transfer_of(xp: Any, psf: Any, center: tuple[float, ...], shape: tuple[int, ...]) -> tuple[Any, bool]:
    """Transfer function of a kernel with its origin at `center`, and whether it is on the half grid."""
    axes = last_axes(len(shape))
    half = not xp.isdtype(psf.dtype, "complex floating")
    transfer = (rfftn if half else fftn)(xp, psf, shape, axes)
    for axis, (n, c) in zip(axes, zip(shape, center, strict=True), strict=True):
        if c == 0:
            continue
        length = transfer.shape[axis]
        angle, real_only = _angles(n, c, length)
        sine = [0.0 if alone else math.sin(a) for a, alone in zip(angle, real_only, strict=True)]
        phase = [complex(math.cos(a), s) for a, s in zip(angle, sine, strict=True)]
        column = xp.asarray(phase, dtype=xp.complex128, device=device_of(psf))
        transfer = transfer * xp.reshape(column, (-1,) + (1,) * (-axis - 1))
    return (hermitian_part(xp, transfer, shape) if half else transfer), half


def _angles(n: int, center: float, length: int) -> tuple[list[float], list[bool]]:
    """Phase of every frequency; the Nyquist one, its own mirror, keeps the cosine only."""
    signed = [k if 2 * k <= n else k - n for k in range(length)]
    return [2 * math.pi * math.fmod(k * center, n) / n for k in signed], [2 * k == n for k in signed]


def largest_gain(transfer: Any) -> float:
    """Largest magnitude of a transfer function."""
    xp = namespace(transfer)
    return float(xp.max(xp.abs(transfer)))
