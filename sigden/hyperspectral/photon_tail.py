"""Samples that pass for impulses until the law of the noise is known."""

from __future__ import annotations

from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside, columns_of
from sigden.hyperspectral.prepare import Prepared
from sigden.hyperspectral.screen import IMPULSE, Defects
from sigden.hyperspectral.stabilise import Stabiliser

__all__ = ["without_photon_tail"]

_FARTHEST = 5.5  # noise levels up to which a sample is noise, as in the search for impulses


def without_photon_tail(work: Prepared, defects: Defects, law: Stabiliser) -> bool:
    """Take back the marks of impulses that the law of the noise explains.

    Parameters
    ----------
    work : Prepared
        The cube. Where a mark is taken back, its spectra get the sample back in place of its prediction.
    defects : Defects
        What was found; flags without a mark become None.
    law : Stabiliser
        Law of the noise.

    Returns
    -------
    bool
        Whether there was any.

    Notes
    -----
    A few photons scatter far above their mean, which Gaussian noise does not. On the scale of stabilised
    noise they do not stand out: a sample within 5.5 noise levels of its prediction there is no impulse.
    """
    table, flags = work.table, defects.flags
    if flags is None:
        return False
    taken = left = 0
    for first, last in table.spans():
        marks, spectra = flags.read(first, last), table.read(first, last)
        xp = namespace(marks)
        if not bool(xp.any(marks == IMPULSE)):
            left += int(xp.count_nonzero(marks))
            continue
        source = work.source.read(first, last)
        flat = namespace(source).reshape(source, (-1, source.shape[2]))
        for top, bottom in table.cuts(first, last):
            where = table.pixels(top - first, bottom - first)
            data = _prepared(flat[where, :], work, defects, top, bottom)
            seen, expected = (xp.asarray(part, copy=True) for part in (data, spectra[where, :]))
            law.forward(seen)
            law.forward(expected)
            noise = (marks[where, :] == IMPULSE) & (xp.abs(seen - expected) < _FARTHEST)
            spectra[where, :] = xp.where(noise, data, spectra[where, :])
            marks[where, :] = xp.where(noise, xp.zeros_like(marks[where, :]), marks[where, :])
            taken += int(xp.count_nonzero(noise))
        left += int(xp.count_nonzero(marks))
        table.write(first, spectra)
        flags.write(first, marks)
        work.source.done()
    if left == 0:
        defects.flags = None
    return taken > 0


def _prepared(flat: Any, work: Prepared, defects: Defects, first: int, last: int) -> Any:
    """Some rows of the input as they are in the table, but for what was replaced."""
    data = columns_of(flat, work.used) / work.scale
    xp, bands = namespace(data), data.shape[1]
    cube = xp.reshape(data, (last - first, -1, bands))
    offsets = beside(defects.columns, data), beside(defects.rows[first:last], data)
    return xp.reshape(cube - offsets[0] - offsets[1][:, None, :], (-1, bands))
