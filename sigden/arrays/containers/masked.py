"""numpy.ma masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays.containers.base import Sample, require_plain
from sigden.arrays.validate import as_floating


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values and mask of a masked array."""
    require_plain(sigma, f"{label}: sigma")
    values = as_floating(np.asarray(data.data), label)
    mask = np.ma.getmaskarray(data)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        return np.ma.MaskedArray(estimate, mask=mask.copy(), fill_value=data.fill_value)

    return Sample(values=values, rebuild=rebuild, mask=mask, sigma=sigma, label=label)
