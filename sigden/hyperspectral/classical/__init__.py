"""Published methods for hyperspectral cubes, each with its objective and defaults."""

from sigden.hyperspectral.classical.e3dtv import E3DTV
from sigden.hyperspectral.classical.fasthyde import FastHyDe, FastHyIn
from sigden.hyperspectral.classical.forpdn import FORPDN
from sigden.hyperspectral.classical.hyminor import HyMiNoR
from sigden.hyperspectral.classical.hyres import HyRes
from sigden.hyperspectral.classical.l1hymixde import L1HyMixDe
from sigden.hyperspectral.classical.lrmr import LRMR
from sigden.hyperspectral.classical.lrtdtv import LRTDTV
from sigden.hyperspectral.classical.ngmeet import NGMeet
from sigden.hyperspectral.classical.otvca import OTVCA
from sigden.hyperspectral.classical.rrqr import RRQRSubspace
from sigden.hyperspectral.classical.wsrrr import WSRRR

__all__ = [
    "E3DTV",
    "FORPDN",
    "LRMR",
    "LRTDTV",
    "OTVCA",
    "WSRRR",
    "FastHyDe",
    "FastHyIn",
    "HyMiNoR",
    "HyRes",
    "L1HyMixDe",
    "NGMeet",
    "RRQRSubspace",
]
