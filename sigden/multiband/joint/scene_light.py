"""Power and colours of a scene, of one window or of many together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sigden.multiband.data.power import ScenePower

__all__ = ["SceneLight", "pooled_light"]


@dataclass(frozen=True, eq=False)
class SceneLight:
    """What the prior of a scene is made of.

    Parameters
    ----------
    power : ScenePower
        Power of the scene in the sharpest image; frequencies in cycles per arcsec.
    flux : mapping of str to float
        Flux of each band over that of the sharpest image.
    evidence : mapping of str to float
        Squared light over noise that the flux of each band rests on.
    pixels : float
        Pixels of the grid that were looked at.
    """

    power: ScenePower
    flux: Mapping[str, float]
    evidence: Mapping[str, float]
    pixels: float

    def scaled(self, factor: float) -> SceneLight:
        """The same with another power: of light seen in another unit, or through a window."""
        curve = self.power.curve * factor
        return replace(self, power=ScenePower(self.power.step, curve, self.power.tail))


def pooled_light(parts: Sequence[SceneLight]) -> SceneLight:
    """Light of a field of which some windows were looked at.

    Parameters
    ----------
    parts : sequence of SceneLight
        At least one; of the same unit and the same sharpest image.

    Returns
    -------
    SceneLight
        Mean power per pixel, and fluxes weighed by what they rest on.
    """
    step = min(p.power.step for p in parts)
    reach = max(p.power.step * (p.power.curve.size - 1) for p in parts)
    # the steepest power law of the tails begins where the last window has no clear power any more
    frequency = step * np.arange(math.ceil(reach / step) + 1)
    pixels = np.array([p.pixels for p in parts])
    curve = np.average([p.power.at(frequency) for p in parts], axis=0, weights=pixels)
    last, half = len(frequency) - 1, len(frequency) // 2
    tail = max(p.power.tail for p in parts)
    if last > half > 0:  # windows of a few pixels have no more
        tail = math.log(curve[last] / curve[half]) / math.log(last / half)
    flux, evidence = {}, {}
    for band in dict.fromkeys(band for p in parts for band in p.flux):
        there = [p for p in parts if band in p.flux]
        evidence[band] = sum(p.evidence[band] for p in there)
        flux[band] = sum(p.evidence[band] * p.flux[band] for p in there) / evidence[band]
    return SceneLight(ScenePower(step, curve, tail), flux, evidence, float(pixels.sum()))
