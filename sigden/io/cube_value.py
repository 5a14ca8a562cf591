"""A spectral cube as a file holds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sigden.errors import FileError, InputError

__all__ = ["Cube", "as_float", "find_axis", "placeholder"]


@dataclass(frozen=True, eq=False)
class Cube:
    """Cube with what its file says about it.

    Parameters
    ----------
    values : array, shape (rows, columns, bands)
        Data in the unit of the file; NaN where missing.
    mask : array of bool, shape of `values`, optional
        True where a sample is to be ignored.
    variance : array, shape of `values`, optional
        Variance of the noise, in the unit of the data, squared; not finite where unknown.
    wavelength : array, shape (bands,), optional
        Centre of each band.
    wavelength_unit : str
        Its unit, as the file writes it.
    fwhm : array, shape (bands,), optional
        Full width at half maximum of each band, in the unit of the wavelength.
    bad_bands : array of bool, shape (bands,), optional
        True for bands that the file calls bad.
    unit : str
        Unit of the data.
    axis : int
        Place of the spectral axis in the file, counted as NumPy does.
    header : mapping or FitsLayout
        What else the file holds, written back to the same kind of file.
    name : str
        Where it came from, for messages.

    Raises
    ------
    InputError
        If a shape does not fit.
    """

    values: Any
    mask: Any = None
    variance: Any = None
    wavelength: Any = None
    wavelength_unit: str = ""
    fwhm: Any = None
    bad_bands: Any = None
    unit: str = ""
    axis: int = 2
    header: Any = field(default_factory=dict)
    name: str = "cube"

    def __post_init__(self) -> None:
        shape = tuple(self.values.shape)
        if len(shape) != 3:
            raise InputError(f"{self.name}: a cube has three axes, this has the shape {shape}")
        if self.axis not in (0, 1, 2):
            raise InputError(f"{self.name}: axis is 0, 1 or 2, got {self.axis}")
        for part, wanted in (
            ("mask", shape),
            ("variance", shape),
            ("wavelength", shape[2:]),
            ("fwhm", shape[2:]),
            ("bad_bands", shape[2:]),
        ):
            given = getattr(self, part)
            if given is not None and tuple(given.shape) != wanted:
                raise InputError(
                    f"{self.name}: {part} has the shape {tuple(given.shape)}, the cube {shape} needs {wanted}"
                )

    @property
    def good_bands(self) -> Any:
        """Bands that count, array of bool of shape (bands,)."""
        return np.ones(self.values.shape[2], bool) if self.bad_bands is None else ~self.bad_bands

    def in_file_order(self, values: Any) -> Any:
        """Array of the cube's shape with its axes as in the file."""
        return np.ascontiguousarray(np.moveaxis(values, 2, self.axis))

    def in_file(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the cube with its axes as in the file."""
        out = list(shape[:2])
        out.insert(self.axis, shape[2])
        return tuple(out)

    def with_values(self, values: Any, variance: Any = None) -> Cube:
        """The same cube with other values and their variance, nothing missing but NaN."""
        return replace(self, values=values, variance=variance, mask=None)


def placeholder(shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """Values of a cube that is only described: they take no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def as_float(values: Any, where: str) -> Any:
    """Numbers of a file as float32 where that holds them exactly, float64 otherwise, in native byte order.

    Parameters
    ----------
    values : array
        Numbers.
    where : str
        How a message begins.

    Returns
    -------
    ndarray
        So no arithmetic on integers can overflow.

    Raises
    ------
    FileError
        If they are not real numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise FileError(f"{where}: holds {array.dtype}; real numbers are needed")
    small = array.dtype.itemsize <= (4 if array.dtype.kind == "f" else 2)
    return array.astype(np.float32 if small else np.float64, copy=False)


def find_axis(shape: tuple[int, ...], *, where: str, axis: int | None, bands: int | None, usual: int) -> int:
    """Spectral axis of a cube in a file.

    Parameters
    ----------
    shape : tuple of int
        Of the array in the file.
    where : str
        How a message begins.
    axis : int or None
        What the caller says.
    bands : int or None
        Number of wavelengths that the file gives.
    usual : int
        Spectral axis where nothing tells.

    Returns
    -------
    int
        0, 1 or 2.

    Raises
    ------
    FileError
        If the array has not three axes, or the wavelengths fit none, not the given, or two of them.
    """
    if len(shape) != 3:
        raise FileError(f"{where}: a cube has three axes, this array has the shape {shape}")
    if axis is not None:
        if not -3 <= axis <= 2:
            raise FileError(f"{where}: axis {axis} of a cube with three axes; give 0, 1 or 2")
        axis %= 3
        if bands is not None and shape[axis] != bands:
            raise FileError(
                f"{where}: {bands} wavelengths, but axis {axis} of the shape {shape} is not so long"
            )
        return axis
    if bands is None or shape[usual] == bands:
        return usual
    fitting = [i for i in range(3) if shape[i] == bands]
    if len(fitting) == 1:
        return fitting[0]
    why = "two axes have" if fitting else "no axis has"
    raise FileError(
        f"{where}: {bands} wavelengths, and {why} as many samples (shape {shape}); "
        "name the spectral axis (axis=, --axis), or correct the wavelengths"
    )
