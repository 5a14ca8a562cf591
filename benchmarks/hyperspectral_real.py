"""Real noise: a cut-out of a MUSE cube, and a faint line put into it.

    python -m benchmarks.hyperspectral_real [--methods default robust hyres] [--no-line]

The cube is looked for in SIGDEN_DATA, by default ../shared/data. Prints the ratio of the residual to the
noise that spectral regression finds, and the structure leak: medians over the bands whose noise is above a
thirtieth of their signal, or over a tenth of all bands. Then a line of 3 noise levels in every voxel of
10 x 10 pixels and one, three or five bands is added at eight wavelengths. Printed is the flux that comes
through, in the box and with a margin of two pixels, where the neighbours of an edge have what it lost.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from sigden import HyRes, RobustSubspace, SubspaceCollaborative
from sigden.hyperspectral import regression_sigma
from sigden.metrics import residual_to_sigma, structure_leak

METHODS = {"default": SubspaceCollaborative(), "robust": RobustSubspace(), "hyres": HyRes()}
LEAST_SNR = 30.0  # dB, below which a band is naturally noisy
BANDS = 40, 80, 130, 170, 210, 290, 330, 370
WIDTHS = 1, 3, 5
HEIGHT = 3.0  # noise levels in every voxel
ROWS, COLUMNS, MARGIN = (12, 22), (20, 30), 2


def without_reference(cube: Any, estimate: Any) -> tuple[float, float]:
    """Ratio of residual to noise, and structure leak."""
    sigma = regression_sigma(cube)
    level = np.sqrt(np.mean(cube.astype(np.float64) ** 2, axis=(0, 1)))
    strength = 20 * np.log10(level / sigma)
    noisy = strength < max(LEAST_SNR, np.quantile(strength, 0.1))
    ratio, leak = residual_to_sigma(cube, estimate, sigma), structure_leak(cube, estimate)
    return float(np.median(ratio[noisy])), float(np.median(leak[noisy]))


def kept(method: Any, cube: Any, plain: Any, width: int, first: int) -> tuple[float, float]:
    """Part of the flux of a line that comes through, in its box and with the margin."""
    bands = np.arange(first, first + width)
    line = np.zeros_like(cube)
    line[slice(*ROWS), slice(*COLUMNS), bands] = HEIGHT * regression_sigma(cube)[bands]
    gained = (method(cube + line) - plain)[..., bands]
    box = gained[slice(*ROWS), slice(*COLUMNS)].sum()
    wide = gained[ROWS[0] - MARGIN : ROWS[1] + MARGIN, COLUMNS[0] - MARGIN : COLUMNS[1] + MARGIN].sum()
    return float(box / line.sum()), float(wide / line.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--no-line", action="store_true", help="only the figures without reference")
    arguments = parser.parse_args()
    folder = Path(os.environ.get("SIGDEN_DATA", "../shared/data")) / "hyperspectral"
    data = np.load(folder / "muse_minicube_400x40x40.npz")["data"]
    cube = np.ascontiguousarray(np.moveaxis(data, 0, -1)).astype(np.float32)
    for name in arguments.methods:
        method = METHODS[name]
        plain = method(cube)
        ratio, leak = without_reference(cube, plain)
        print(f"{name}: ratio {ratio:.3f} leak {leak:.3f}", flush=True)
        for width in () if arguments.no_line else WIDTHS:
            found = np.array([kept(method, cube, plain, width, first) for first in BANDS])
            box, wide = (" ".join(f"{value:.3f}" for value in column) for column in found.T)
            print(f"  line of {width}: mean {found[:, 1].mean():.3f} with margin ({wide})", flush=True)
            print(f"    in the box {found[:, 0].mean():.3f} ({box})", flush=True)


if __name__ == "__main__":
    main()
