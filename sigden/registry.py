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
        "Denoised": "sigden.multiband.after.denoised:Denoised",
        "SpectrogramDenoiser": "sigden.denoisers.shrinkage.spectrogram:SpectrogramDenoiser",
        "WaveletDenoiser": "sigden.denoisers.shrinkage.wavelet:WaveletDenoiser",
        "ChirpTracks": "sigden.denoisers.tracks.denoiser:ChirpTracks",
        "InspiralTracks": "sigden.denoisers.inspiral.denoiser:InspiralTracks",
        "JointGradient": "sigden.multiband.joint.gradient:JointGradient",
        "JointSparse": "sigden.multiband.joint.sparse:JointSparse",
        "JointWiener": "sigden.multiband.joint.wiener:JointWiener",
        "LocalColour": "sigden.multiband.joint.local_colour:LocalColour",
        "RichardsonLucy": "sigden.multiband.single.richardson_lucy:RichardsonLucy",
        "StarletDeconvolution": "sigden.multiband.single.starlet:StarletDeconvolution",
        "Tikhonov": "sigden.multiband.single.tikhonov:Tikhonov",
        "WienerDeconvolution": "sigden.multiband.single.wiener:WienerDeconvolution",
        "KernelDensity": "sigden.score.kernel_density:KernelDensity",
        "NPMLE": "sigden.score.mixture.npmle:NPMLE",
        "FiniteMixture": "sigden.score.mixture.finite:FiniteMixture",
        "Lindsey": "sigden.score.lindsey:Lindsey",
        "RandomFeatureScore": "sigden.score.random_features:RandomFeatureScore",
        "FORPDN": "sigden.hyperspectral.classical.forpdn:FORPDN",
        "WSRRR": "sigden.hyperspectral.classical.wsrrr:WSRRR",
        "OTVCA": "sigden.hyperspectral.classical.otvca:OTVCA",
        "FastHyDe": "sigden.hyperspectral.classical.fasthyde:FastHyDe",
        "FastHyIn": "sigden.hyperspectral.classical.fasthyde:FastHyIn",
        "HyMiNoR": "sigden.hyperspectral.classical.hyminor:HyMiNoR",
        "L1HyMixDe": "sigden.hyperspectral.classical.l1hymixde:L1HyMixDe",
        "LRMR": "sigden.hyperspectral.classical.lrmr:LRMR",
        "LRTDTV": "sigden.hyperspectral.classical.lrtdtv:LRTDTV",
        "NGMeet": "sigden.hyperspectral.classical.ngmeet:NGMeet",
        "RRQRSubspace": "sigden.hyperspectral.classical.rrqr:RRQRSubspace",
        "E3DTV": "sigden.hyperspectral.classical.e3dtv:E3DTV",
        "HyRes": "sigden.hyperspectral.classical.hyres:HyRes",
        "RobustSubspace": "sigden.hyperspectral.robust_subspace:RobustSubspace",
        "SubspaceCollaborative": "sigden.hyperspectral.subspace_collaborative:SubspaceCollaborative",
        "SubspaceDenoise": "sigden.hyperspectral.subspace_denoise:SubspaceDenoise",
        "CoherentStrain": "sigden.strain.network:CoherentStrain",
        "StrainDenoiser": "sigden.strain.denoiser:StrainDenoiser",
        "BinnedCalibration": "sigden.debias.baselines:BinnedCalibration",
        "HierarchicalCalibration": "sigden.debias.hierarchical:HierarchicalCalibration",
        "LinearCalibration": "sigden.debias.linear:LinearCalibration",
        "MomentTweedie": "sigden.debias.tweedie:MomentTweedie",
        "SieveCalibration": "sigden.debias.sieve:SieveCalibration",
        "TweedieCorrection": "sigden.debias.tweedie:TweedieCorrection",
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
