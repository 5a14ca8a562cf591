"""What an image of the scene in memory and one that is cut on demand have in common."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

from sigden.multiband.data.grid import checked_offset, checked_scale, checked_wcs, resolved_scale

__all__ = ["SceneImage"]


@dataclass(frozen=True, eq=False)
class SceneImage:
    """Values, noise, PSF and place of one image, as `Observation` explains them."""

    image: Any
    psf: Any
    band: str
    _: KW_ONLY
    sigma: Any = None
    variance: Any = None
    scale: float | None = None
    offset: tuple[float, float] = (0.0, 0.0)
    wcs: Any = None
    psf_scale: float | None = None
    psf_includes_pixel: bool = True
    mask: Any = None
    unit: str | None = None
    background: Any = 0.0
    surface_brightness: bool = False
    psf_nodes: tuple[int, int] = (3, 3)

    @property
    def pixel_scale(self) -> float:
        """Arcsec per pixel."""
        return float(self.scale or math.nan)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.image.shape[0]), int(self.image.shape[1])

    @property
    def _what(self) -> str:
        return f"band {self.band!r}"

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _settle_place(self) -> None:
        """Check where the pixels and the samples of the PSF are, and take the scales that were left open."""
        what = self._what
        self._set("wcs", None if self.wcs is None else checked_wcs(self.wcs, f"{what}: wcs"))
        self._set("scale", resolved_scale(self.scale, self.wcs, what))
        self._set("offset", checked_offset(self.offset, f"{what}: offset"))
        own = self.scale if self.psf_scale is None else self.psf_scale
        self._set("psf_scale", checked_scale(own, f"{what}: psf_scale"))
