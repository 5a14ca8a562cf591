"""sigden's classical methods for cubes as callables of the hyperspectral judge, with their defaults.

python ../shared/judges/hyperspectral.py benchmarks.hyperspectral_set:hyres
"""

from __future__ import annotations

from typing import Any

import sigden


def hyres(cube: Any) -> Any:
    return sigden.HyRes()(cube)


def hyminor(cube: Any) -> Any:
    return sigden.HyMiNoR()(cube)


def forpdn(cube: Any) -> Any:
    return sigden.FORPDN()(cube)


def wsrrr(cube: Any) -> Any:
    return sigden.WSRRR()(cube)


def otvca(cube: Any) -> Any:
    return sigden.OTVCA()(cube)


def fasthyde(cube: Any) -> Any:
    return sigden.FastHyDe()(cube)


def fasthyde_counted(cube: Any) -> Any:
    return sigden.FastHyDe(rank=None)(cube)


def fasthyin(cube: Any) -> Any:
    return sigden.FastHyIn(missing_value=0.0)(cube)


def l1hymixde(cube: Any) -> Any:
    return sigden.L1HyMixDe()(cube)


def lrmr(cube: Any) -> Any:
    return sigden.LRMR()(cube)


def rrqr_subspace(cube: Any) -> Any:
    return sigden.RRQRSubspace()(cube)


def e3dtv(cube: Any) -> Any:
    return sigden.E3DTV()(cube)
