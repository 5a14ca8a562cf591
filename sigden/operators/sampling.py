"""Missing data: keep some samples, or zero the others."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import device_of, require_array
from sigden.errors import InputError, ParameterError
from sigden.operators._parameters import as_shape
from sigden.operators.base import LinearOperator
from sigden.operators.diagonal import broadcasts_to

__all__ = ["Masking", "Sampling"]


class Sampling(LinearOperator):
    """Pick some samples into a vector; the adjoint puts them back among zeros.

    Parameters
    ----------
    selection : array of bool or of integer
        A mask, True where a sample is kept, over the trailing axes of the input; or a 1-D array of
        different flat (C order) indices into the trailing `ndim` axes of the input.
    in_shape : tuple of int, optional
        Shape of the input. Required with indices; the shape of the mask by default.
    ndim : int, optional
        Number of trailing axes that indices count over; all by default. Fixed by a mask.

    Raises
    ------
    InputError
        If the selection is empty, of another dtype, does not fit `in_shape`, or an index is out of range or
        comes twice.
    ParameterError
        If `in_shape` is missing or `ndim` does not fit.

    Notes
    -----
    The output has shape ``(*leading, kept)``: leading axes, such as bands, share the selection. Both ways are
    gathers, so that no library needs indexed assignment: the adjoint takes from the samples followed by one
    zero. ``A A^H`` is the identity and ``A^H A`` is `Masking`. Where the samples must keep their place, use
    `Masking` itself.
    """

    def __init__(self, selection: Any, in_shape: Any = None, *, ndim: int | None = None) -> None:
        xp = require_array(selection, "Sampling")
        is_mask = xp.isdtype(selection.dtype, "bool")
        if in_shape is None:
            if not is_mask:
                raise ParameterError("Sampling: in_shape is required with indices")
            in_shape = tuple(selection.shape)
        shape = as_shape(in_shape, "Sampling in_shape")
        if is_mask:
            ndim = selection.ndim
        elif ndim is None:
            ndim = len(shape)
        if ndim is None or not 1 <= ndim <= len(shape):
            raise ParameterError(f"Sampling: ndim must be between 1 and {len(shape)}, got {ndim}")
        leading, trailing = shape[: len(shape) - ndim], shape[len(shape) - ndim :]
        if is_mask:
            if tuple(selection.shape) != trailing:
                raise InputError(
                    f"Sampling: mask of shape {tuple(selection.shape)} does not fit trailing axes of {shape}"
                )
            take = xp.nonzero(xp.reshape(selection, (-1,)))[0]
        else:
            take = _checked_indices(xp, selection, math.prod(trailing))
        count = int(take.shape[0])
        if count == 0:
            raise InputError("Sampling: keeps no sample")
        super().__init__(shape, (*leading, count), like=take)
        self._set(_take=take, _place=_inverse(xp, take, math.prod(trailing)), _leading=leading)

    _take: Any
    _place: Any
    _leading: tuple[int, ...]

    def _forward(self, xp: Any, x: Any) -> Any:
        return xp.take(xp.reshape(x, (*self._leading, -1)), self._take, axis=-1)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        zero = xp.zeros((*self._leading, 1), dtype=y.dtype, device=device_of(y))
        return xp.reshape(xp.take(xp.concat([y, zero], axis=-1), self._place, axis=-1), self.in_shape)

    def _gram(self, xp: Any, x: Any) -> Any:
        return self._kept._forward(xp, x)

    @property
    def _kept(self) -> Masking:
        memory = self.__dict__["_memory"]
        if "kept" not in memory:
            xp = require_array(self._place, "Sampling")
            trailing = self.in_shape[len(self._leading) :]
            kept = xp.reshape(self._place < self._take.shape[0], trailing)
            memory["kept"] = Masking(kept, self.in_shape)
        return memory["kept"]

    def norm_bound(self) -> float:
        """Norm, exactly one."""
        return 1.0

    @property
    def gram_operator(self) -> LinearOperator:
        """The projection that zeroes the samples not kept."""
        return self._kept


class Masking(LinearOperator):
    """Zero the samples outside a mask; an orthogonal projection.

    Parameters
    ----------
    keep : array of bool
        True where a sample is kept.
    in_shape : tuple of int, optional
        Shape of input and output, to which `keep` broadcasts. The shape of `keep` by default.

    Raises
    ------
    InputError
        If `keep` is not boolean, does not broadcast, or keeps no sample.

    Notes
    -----
    A non-finite value outside the mask becomes zero: it does not spread.
    """

    keep: Any

    def __init__(self, keep: Any, in_shape: Any = None) -> None:
        xp = require_array(keep, "Masking")
        shape = as_shape(tuple(keep.shape) if in_shape is None else in_shape, "Masking in_shape")
        if not xp.isdtype(keep.dtype, "bool"):
            raise InputError(f"Masking: expected a mask of bool, got dtype {keep.dtype}")
        if not broadcasts_to(tuple(keep.shape), shape):
            raise InputError(f"Masking: shape {tuple(keep.shape)} does not broadcast to {shape}")
        kept = xp.asarray(keep, copy=True)
        if not bool(xp.any(kept)):
            raise InputError("Masking: keeps no sample")
        super().__init__(shape, shape, like=kept)
        self._set(keep=kept)

    def _forward(self, xp: Any, x: Any) -> Any:
        return xp.where(self.keep, x, xp.zeros_like(x))

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._forward(xp, y)

    def _gram(self, xp: Any, x: Any) -> Any:
        return self._forward(xp, x)

    def norm_bound(self) -> float:
        """Norm, exactly one."""
        return 1.0

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """The same operator."""
        return self

    def _after(self, other: LinearOperator) -> LinearOperator | None:
        if not isinstance(other, Masking):
            return None
        both = self.keep & other.keep
        return Masking(both, self.in_shape) if bool(require_array(both, "Masking").any(both)) else None


def _checked_indices(xp: Any, indices: Any, size: int) -> Any:
    if not xp.isdtype(indices.dtype, "integral"):
        raise InputError(f"Sampling: expected a mask of bool or integer indices, got dtype {indices.dtype}")
    if indices.ndim != 1 or indices.shape[0] == 0:
        raise InputError(f"Sampling: indices must be 1-D and not empty, got shape {tuple(indices.shape)}")
    take = xp.astype(indices, xp.int64)
    if int(xp.min(take)) < 0 or int(xp.max(take)) >= size:
        raise InputError(f"Sampling: an index is outside 0..{size - 1}")
    ordered = xp.sort(take)
    if bool(xp.any(ordered[1:] == ordered[:-1])):
        raise InputError("Sampling: an index comes twice")
    return take


def _inverse(xp: Any, take: Any, size: int) -> Any:
    """For every flat place its rank among the samples, or the number of samples where it is not kept."""
    count = int(take.shape[0])
    order = xp.argsort(take)
    ordered = xp.take(take, order)
    places = xp.arange(size, dtype=take.dtype, device=device_of(take))
    rank = xp.searchsorted(ordered, places)
    rank = xp.where(rank < count, rank, xp.zeros_like(rank))
    found = xp.take(ordered, rank) == places
    return xp.where(found, xp.take(order, rank), xp.full_like(rank, count))
