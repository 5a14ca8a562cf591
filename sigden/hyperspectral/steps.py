"""What is done with eigen-images, and how much of them must be seen at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.beside import contiguous
from sigden.hyperspectral.screen import Search
from sigden.hyperspectral.table import Table
from sigden.hyperspectral.workspace import Workspace

__all__ = ["ImageStep", "Recipe", "Strip", "denoise_whole", "strips"]


@dataclass(frozen=True)
class ImageStep:
    """Denoiser of eigen-images.

    Parameters
    ----------
    run : callable
        ``run(images, power)``: images of unit noise, shape (rank, rows, columns), and their noise power to
        estimates and gain; the gain is None where it is not told.
    halo : int or None
        Rows around a strip that its estimate depends on; None if it depends on the whole image, and on no
        other image.
    align : int
        Rows that are looked at for a strip begin at multiples of it.
    pixel_bytes : int
        Bytes taken for each pixel of an image.
    shared_bytes : int
        Bytes taken for each pixel whatever the number of images.
    led : callable, optional
        ``led(images, guide, power, noise)``: the same with an estimate as guide, for noise that differs from
        place to place (`UnevenNoise`); None where the denoiser takes no guide.
    """

    run: Callable[[Any, Any], tuple[Any, Any]]
    halo: int | None
    align: int = 1
    pixel_bytes: int = 16
    shared_bytes: int = 0
    led: Callable[[Any, Any, Any, Any], tuple[Any, Any]] | None = None


@dataclass(frozen=True)
class Recipe:
    """What a method does with a cube.

    Parameters
    ----------
    step : ImageStep
        Denoiser of the eigen-images.
    search : Search
        Defects that are looked for.
    rank : int or None
        Dimension of the subspace, where it is given.
    adapt : bool
        Whether signal-dependent and correlated noise and weak directions are looked for.
    """

    step: ImageStep
    search: Search
    rank: int | None = None
    adapt: bool = True


@dataclass(frozen=True)
class Strip:
    """Rows that are denoised at once.

    Parameters
    ----------
    first, last : int
        Rows that are this strip's.
    begin, end : int
        Rows that are looked at for it.
    """

    first: int
    last: int
    begin: int
    end: int

    def core(self, images: Any) -> Any:
        """The strip's own rows of images, shape (images, rows, columns); None stays None."""
        return None if images is None else images[:, self.first - self.begin : self.last - self.begin, :]


def strips(shape: tuple[int, int, int], step: ImageStep, itemsize: int, workspace: Workspace) -> list[Strip]:
    """Strips of an image that fit the memory, with their halos.

    Parameters
    ----------
    shape : tuple of int
        Rows, columns and number of the eigen-images.
    step : ImageStep
        What is done with them; one that needs whole images is through with them already.
    itemsize : int
        Bytes of a value.
    workspace : Workspace
        The memory.

    Returns
    -------
    list of Strip
        From the first row to the last.
    """
    rows, columns, rank = shape
    halo = step.halo or 0
    each = columns * (rank * step.pixel_bytes + step.shared_bytes) * itemsize / 4
    least = min(rows, 2 * halo + step.align)
    fitting = workspace.units(each, least, f"{least} rows of {rank} eigen-images")
    if fitting >= rows:
        return [Strip(0, rows, 0, rows)]
    height = max((fitting - 2 * halo) // step.align, 1) * step.align
    ends = [*range(halo + height, rows, height), rows]
    return [
        Strip(first, last, max(first - halo, 0), min(last + halo, rows))
        for first, last in zip([0, *ends[:-1]], ends, strict=True)
    ]


def denoise_whole(coefficients: Table, step: ImageStep, power: Any, workspace: Workspace) -> None:
    """Denoise eigen-images one or some at a time, each as a whole, in place."""
    rows, columns, rank = coefficients.shape
    each = rows * columns * step.pixel_bytes * coefficients.dtype.itemsize / 4
    size = min(workspace.units(each, 1, "a whole eigen-image, as this denoiser needs"), rank)
    for first, last in coefficients.groups(size):
        images = coefficients.bands(first, last)
        xp = namespace(images)
        estimate, _ = step.run(xp.reshape(images, (-1, rows, columns)), power)
        coefficients.put_bands(first, xp.reshape(contiguous(estimate), (last - first, -1)))
        workspace.tell("denoising", last, rank)
