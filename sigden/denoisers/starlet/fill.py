"""Masked samples filled from their neighbours."""

from __future__ import annotations

from typing import Any

from sigden.arrays import first_index, namespace
from sigden.denoisers.starlet.starlet_generic import smooth
from sigden.errors import InputError

__all__ = ["fill_masked", "require_known"]


def require_known(mask: Any) -> None:
    """Refuse images, shape (batch, rows, columns), that are masked everywhere."""
    xp = namespace(mask)
    empty = xp.all(xp.reshape(mask, (mask.shape[0], -1)), axis=-1)
    if bool(xp.any(empty)):
        raise InputError(f"input: image {first_index(empty)[0]} is masked everywhere; leave it out")


def fill_masked(images: Any, mask: Any) -> Any:
    """Images with masked samples replaced by a weighted mean of the unmasked ones around them.

    Parameters
    ----------
    images : array, shape (batch, rows, columns)
        Data; any value, also non-finite, where masked.
    mask : array of bool, shape of `images`
        True where a sample is to be filled; see `require_known`.

    Returns
    -------
    array, shape of `images`
        Unmasked samples as they are. Each masked one is :math:`(H_j \\ldots H_1 m x) / (H_j \\ldots H_1 m)`,
        m = 1 where unmasked, at the finest scale j where the denominator is not zero.

    References
    ----------
    .. [1] H. Knutsson and C.-F. Westin, "Normalized and differential convolution", CVPR (1993), section 2.
    """
    xp = namespace(images)
    known = xp.astype(~mask, images.dtype)
    out = total = xp.where(mask, xp.zeros_like(images), images)
    missing = mask
    step = 1
    while bool(xp.any(missing)):
        total, known = smooth(total, step), smooth(known, step)
        reached = missing & (known > 0)
        safe = xp.where(known > 0, known, xp.ones_like(known))
        out = xp.where(reached, total / safe, out)
        missing = missing & ~reached
        step *= 2
    return out
