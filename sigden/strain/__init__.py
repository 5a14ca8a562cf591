"""Floor 5: gravitational-wave strain."""

from sigden.strain.coherent import CoherentEstimate, Pair, coherent
from sigden.strain.denoiser import StrainDenoiser
from sigden.strain.filters import band_pass, find_lines, notch
from sigden.strain.flat import FlatStrainWarning
from sigden.strain.gaps import Segments, apply_between_gaps, fill_gaps
from sigden.strain.long import LongRecord, analyse_long
from sigden.strain.network import CoherentStrain
from sigden.strain.occupied import occupied_band
from sigden.strain.result import StrainResult
from sigden.strain.stream import StrainStream, denoise_blocks
from sigden.strain.tracked import tracked
from sigden.strain.whitening import Whitening

__all__ = [
    "CoherentEstimate",
    "CoherentStrain",
    "FlatStrainWarning",
    "LongRecord",
    "Pair",
    "Segments",
    "StrainDenoiser",
    "StrainResult",
    "StrainStream",
    "Whitening",
    "analyse_long",
    "apply_between_gaps",
    "band_pass",
    "coherent",
    "denoise_blocks",
    "fill_gaps",
    "find_lines",
    "notch",
    "occupied_band",
    "tracked",
]
