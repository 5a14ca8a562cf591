"""Deconvolution of simulated Euclid VIS and Rubin r, i, z scenes: sigden's methods and their peers."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.multiband_peers import PEERS
from sigden.metrics import colour_error, flux_error, nmse, ssim
from sigden.multiband import (
    Denoised,
    Grid,
    JointGradient,
    JointSparse,
    JointWiener,
    LocalColour,
    Observation,
    RichardsonLucy,
    StarletDeconvolution,
    Tikhonov,
    WienerDeconvolution,
)
from sigden.simulate.scene import Scene, scene

BORDER = 8
JOINT = {
    "JointWiener": JointWiener(),
    "JointSparse": JointSparse(),
    "LocalColour": LocalColour(),
    "JointGradient": JointGradient(),
    "Denoised(JointWiener)": Denoised(),
}
SINGLE = {
    "Tikhonov": Tikhonov(),
    "WienerDeconvolution": WienerDeconvolution(),
    "RichardsonLucy": RichardsonLucy(),
    "StarletDeconvolution": StarletDeconvolution(),
    "StarletDeconvolution, positive": StarletDeconvolution(positivity=True),
}


def observations(sky: Scene) -> list[Observation]:
    """VIS and the Rubin bands."""
    return [Observation(**image) for image in sky.images()]


def joint(method: Any) -> Callable[[Scene], Any]:
    def run(sky: Scene) -> Any:
        return method(observations(sky), Grid(sky.vis.shape, sky.scale), response=sky.response).estimate

    return run


def single(method: Any) -> Callable[[Scene], Any]:
    def run(sky: Scene) -> Any:
        grid = Grid(sky.vis.shape, sky.scale)
        return np.stack([method(one, grid) for one in observations(sky)[1:]])

    return run


def figures(estimate: Any, sky: Scene) -> tuple[float, ...]:
    """NMSE, SSIM, errors of fluxes and colours in apertures of 0.8 arcsec."""
    inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    pairs = list(zip(estimate[inside], sky.truth[inside], strict=True))
    low, high = 2 * BORDER, sky.vis.shape[0] - 2 * BORDER
    places = [
        (s.row, s.column) for s in sky.catalogue if low < min(s.row, s.column) <= max(s.row, s.column) < high
    ]
    return (
        float(np.mean([nmse(x, t) for x, t in pairs])),
        float(np.mean([ssim(x, t) for x, t in pairs])),
        float(np.median(np.abs(flux_error(estimate, sky.truth, places)))),
        float(np.nanmedian(np.abs(colour_error(estimate, sky.truth, places)))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="number of scenes")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--only", nargs="*", help="names that contain one of these")
    options = parser.parse_args()
    scenes = [scene(seed=400 + s, size=options.size) for s in range(options.seeds)]
    first = scene(seed=399, size=64, psf_size=61)
    methods: dict[str, Callable[[Scene], Any]] = {
        **{name: joint(m) for name, m in JOINT.items()},
        **{name: single(m) for name, m in SINGLE.items()},
        **PEERS,
    }
    if options.only:
        methods = {n: m for n, m in methods.items() if any(word in n for word in options.only)}
    threads = ", ".join(f"{k}={os.environ.get(k, '-')}" for k in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, {threads}, Python {platform.python_version()}")
    print(f"{options.seeds} scenes of {options.size} x {options.size}; medians; seconds of processors\n")
    print(f"{'':32s}    nmse    ssim  flux err  colour err   seconds   / JointSparse")
    reference = None
    for name, method in methods.items():
        try:
            method(first)  # compiles
        except ImportError as error:
            print(f"{name:32s} skipped: {error}")
            continue
        rows, seconds = [], []
        for sky in scenes:
            start = time.process_time()
            estimate = np.asarray(method(sky), dtype=np.float64)
            seconds.append(time.process_time() - start)
            rows.append(figures(estimate, sky))
        median, clock = np.median(rows, axis=0), float(np.median(seconds))
        reference = clock if name == "JointSparse" else reference
        ratio = f"{clock / reference:10.1f}" if reference else "         -"
        quality = f"{median[0]:8.4f}{median[1]:8.4f}{median[2]:10.4f}{median[3]:12.4f}"
        print(f"{name:32s}{quality}{clock:10.3f}    {ratio}", flush=True)


if __name__ == "__main__":
    main()
