"""Names of methods: name -> where it lives, loaded on first use."""

from __future__ import annotations

import difflib
import importlib
from functools import lru_cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING

from sigden.errors import ParameterError

if TYPE_CHECKING:
    from sigden.method import Method

__all__ = ["BUILTIN", "load", "names"]

ENTRY_POINT_GROUP = "sigden.methods"

BUILTIN = MappingProxyType(
    {
        "TV1D": "sigden.denoisers.tv.tv1d:TV1D",
        "RROF": "sigden.denoisers.tv.rrof:RROF",
        "ROF": "sigden.denoisers.tv.rof:ROF",
        "Starlet": "sigden.denoisers.starlet.denoiser:Starlet",
        "ChirpTracks": "sigden.denoisers.tracks.denoiser:ChirpTracks",
        "JointGradient": "sigden.multiband.joint.gradient:JointGradient",
        "JointSparse": "sigden.multiband.joint.sparse:JointSparse",
        "JointWiener": "sigden.multiband.joint.wiener:JointWiener",
        "LocalColour": "sigden.multiband.joint.local_colour:LocalColour",
        "RichardsonLucy": "sigden.multiband.single.richardson_lucy:RichardsonLucy",
        "Tikhonov": "sigden.multiband.single.tikhonov:Tikhonov",
        "WienerDeconvolution": "sigden.multiband.single.wiener:WienerDeconvolution",
        "CoherentStrain": "sigden.strain.network:CoherentStrain",
        "StrainDenoiser": "sigden.strain.denoiser:StrainDenoiser",
    }
)


@lru_cache(maxsize=1)
def _targets() -> dict[str, str]:
    found = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**found, **BUILTIN}


def names() -> tuple[str, ...]:
    """Names of every method: sigden's own and those that installed packages add.

    Returns
    -------
    tuple of str
        Sorted. A package adds its own with the entry-point group ``sigden.methods``.
    """
    return tuple(sorted(_targets()))


def suggest(word: str, known: tuple[str, ...]) -> str:
    """Closest known word as a hint, and the list of all."""
    lowered = {k.lower(): k for k in known}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1)
    hint = f"did you mean {lowered[close[0]]!r}? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"


def load(name: str) -> type[Method]:
    """Class of a method.

    Parameters
    ----------
    name : str
        Registry key, for example ``"RROF"``.

    Returns
    -------
    type
        The frozen dataclass.

    Raises
    ------
    ParameterError
        If no method has this name; the message suggests the closest one.
    """
    targets = _targets()
    if name not in targets:
        raise ParameterError(f"method: no method is called {name!r}; {suggest(name, names())}")
    module, _, attribute = targets[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
