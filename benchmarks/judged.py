"""Thin callables for scoring sigden's defaults on known truth: public API, default parameters."""

from __future__ import annotations

from typing import Any

from sigden import StrainDenoiser


def strain(x: Any, fs: float) -> Any:
    """One detector's whitened, band-passed strain in units of the noise sigma."""
    return StrainDenoiser(sample_rate=fs, whitened=True)(x)
