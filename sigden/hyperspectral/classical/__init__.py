"""Published methods for hyperspectral cubes, each with its objective and defaults."""

from sigden.hyperspectral.classical.forpdn import FORPDN
from sigden.hyperspectral.classical.hyres import HyRes

__all__ = ["FORPDN", "HyRes"]
