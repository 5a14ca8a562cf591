"""Starlet kernels in the array API: the readable reference."""

from __future__ import annotations

from typing import Any

from sigden.arrays import device_of, namespace

__all__ = [
    "reflected",
    "smooth",
    "starlet",
    "starlet_adjoint",
    "starlet_restore",
    "starlet_shrink",
    "starlet_smooth",
]


def reflected(length: int, shift: int) -> list[int]:
    """Indices ``i + shift`` under half-sample symmetric extension, ``... b a | a b c ... | z y ...``."""
    wrapped = ((i + shift) % (2 * length) for i in range(length))
    return [k if k < length else 2 * length - 1 - k for k in wrapped]


def smooth(image: Any, step: int) -> Any:
    """B3-spline filter ``[1, 4, 6, 4, 1] / 16`` with holes along the last two axes.

    Parameters
    ----------
    image : array, shape (..., rows, columns)
        Float32 or float64.
    step : int
        Distance of the taps.

    Returns
    -------
    array, shape of `image`
        The matrix is symmetric: it is its own adjoint, and keeps the sum.
    """
    xp = namespace(image)
    for axis in (image.ndim - 2, image.ndim - 1):

        def at(shift: int, source: Any = image, axis: int = axis) -> Any:
            index = xp.asarray(reflected(source.shape[axis], shift), device=device_of(source))
            return xp.take(source, index, axis=axis)

        outer, inner = at(-2 * step) + at(2 * step), at(-step) + at(step)
        image = (outer + 4.0 * inner + 6.0 * image) * 0.0625
    return image


def starlet(images: Any, scales: int) -> Any:
    """Details of each scale, finest first, and the smooth image.

    Parameters
    ----------
    images : array, shape (batch, rows, columns)
        Float32 or float64.
    scales : int
        Number of detail scales.

    Returns
    -------
    array, shape (batch, scales + 1, rows, columns)
        Coefficients.
    """
    xp = namespace(images)
    planes = []
    for scale in range(scales):
        coarse = smooth(images, 2**scale)
        planes.append(images - coarse)
        images = coarse
    return xp.stack([*planes, images], axis=1)


def starlet_adjoint(coefficients: Any) -> Any:
    """Adjoint of `starlet`.

    Parameters
    ----------
    coefficients : array, shape (batch, scales + 1, rows, columns)
        Float32 or float64.

    Returns
    -------
    array, shape (batch, rows, columns)
        ``g`` of ``g <- w_j + H_j (g - w_j)`` from the coarsest scale to the finest.
    """
    scales = coefficients.shape[1] - 1
    image = coefficients[:, scales, :, :]
    for scale in range(scales - 1, -1, -1):
        detail = coefficients[:, scale, :, :]
        image = detail + smooth(image - detail, 2**scale)
    return image


def starlet_shrink(images: Any, limits: Any, hard: bool) -> Any:
    """Sum of the thresholded details and of the smooth image.

    Parameters
    ----------
    images : array, shape (batch, rows, columns)
        Float32 or float64.
    limits : sequence of float
        Threshold of each detail scale, finest first.
    hard : bool
        Keep details above the threshold as they are; otherwise shrink them by it.

    Returns
    -------
    array, shape (batch, rows, columns)
        Estimate.
    """
    xp = namespace(images)
    total = xp.zeros_like(images)
    for scale, limit in enumerate(limits):
        coarse = smooth(images, 2**scale)
        detail = images - coarse
        zero = xp.zeros_like(detail)
        if hard:
            kept = xp.where(xp.abs(detail) > limit, detail, zero)
        else:
            kept = detail - xp.clip(detail, -limit, limit)
        total = total + kept
        images = coarse
    return total + images


def starlet_restore(images: Any, reference: Any, limits: Any) -> Any:
    """Sum of the details of one image where those of another are significant, and of the smooth image.

    Parameters
    ----------
    images : array, shape (batch, rows, columns)
        Float32 or float64.
    reference : array, shape of `images`
        Whose details tell where.
    limits : sequence of float
        Threshold on the details of `reference` of each scale, finest first.

    Returns
    -------
    array, shape (batch, rows, columns)
        Part of `images` in the multiresolution support of `reference`.
    """
    xp = namespace(images)
    total = xp.zeros_like(images)
    for scale, limit in enumerate(limits):
        coarse, guide = smooth(images, 2**scale), smooth(reference, 2**scale)
        total = total + xp.where(xp.abs(reference - guide) > limit, images - coarse, xp.zeros_like(total))
        images, reference = coarse, guide
    return total + images


def starlet_smooth(images: Any, scales: int) -> Any:
    """Smooth image alone.

    Parameters
    ----------
    images : array, shape (batch, rows, columns)
        Float32 or float64.
    scales : int
        Number of scales.

    Returns
    -------
    array, shape (batch, rows, columns)
        ``c_J``.
    """
    for scale in range(scales):
        images = smooth(images, 2**scale)
    return images
