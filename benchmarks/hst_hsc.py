"""HSC images of COSMOS sharpened by HST F814W: the HSC i band, left out, predicted from the others.

HSC g, r, z, y (0.168 arcsec) and HST F814W (0.03 arcsec) are used through their WCS, nothing is reprojected;
HST is moved to the astrometry of r and z first. Every band of these data is normalised on its own, so that
photometry is lost: each prediction of the i band is scaled by the one factor that fits best. No weights come
with them: the noise is estimated in each image.
"""

from __future__ import annotations

import argparse
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from sigden.metrics import nmse
from sigden.multiband import (
    Grid,
    JointGradient,
    JointSparse,
    JointWiener,
    LocalColour,
    Observation,
    TruncatedPSFWarning,
    WienerDeconvolution,
    forward_operator,
    normalise_psf,
)
from sigden.noise import difference_sigma

BANDS = "grizy"
# mean wavelengths in nanometres; the spectrum counts as a straight line between r and z
I_FROM_R, HST_FROM_R = (891 - 770) / (891 - 622), (891 - 805) / (891 - 622)
RESPONSE = {"F814W": {"r": HST_FROM_R, "z": 1 - HST_FROM_R}}
MARGIN, EDGE = 1.5, 1.0  # arcsec about the HSC images; within those of HST that are not judged


@dataclass(frozen=True, eq=False)
class Field:
    """One field: what a method may see, the i band, its pixels that are judged, and the grid."""

    shown: list[Observation]
    hidden: Observation
    judged: Any
    grid: Grid


def observation(image: Any, psf: Any, band: str, wcs: WCS) -> Observation:
    image = np.asarray(image, dtype=np.float64)
    sigma = float(difference_sigma(image, axes=(-2, -1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncatedPSFWarning)
        return Observation(
            image, normalise_psf(np.asarray(psf, dtype=np.float64)), band, sigma=sigma, wcs=wcs
        )


def field(folder: Path, name: str, scale: float) -> Field:
    """Observations of a field, on a grid that follows the HSC pixels."""
    hsc, header = fits.getdata(folder / f"hsc_{name}.fits", header=True)
    wcs = WCS(header).celestial
    psfs = fits.getdata(folder / f"psf_hsc_{name}.fits")
    bands = {b: observation(i, p, b, wcs) for b, i, p in zip(BANDS, hsc, psfs, strict=True)}
    wide, wide_header = fits.getdata(folder / f"hst_{name}.fits", header=True)
    hst = observation(
        wide, fits.getdata(folder / f"psf_hst_{name}.fits"), "F814W", WCS(wide_header).celestial
    )
    own = bands["i"].pixel_scale
    size = math.ceil((hsc.shape[-1] * own + 2 * MARGIN) / scale)
    place = wcs.deepcopy()
    place.wcs.crpix = (wcs.wcs.crpix - (hsc.shape[-1] + 1) / 2) * own / scale + (size + 1) / 2
    place.wcs.pc = wcs.wcs.pc * scale / own
    row, column = np.indices(bands["i"].shape)
    there = hst.wcs.world_to_pixel_values(*wcs.pixel_to_world_values(column, row))
    away = [
        np.minimum(p + 0.5, n - 0.5 - p) * hst.pixel_scale
        for p, n in zip(there, hst.shape[::-1], strict=True)
    ]
    judged, grid = np.minimum(*away) > EDGE, Grid.from_wcs((size, size), place)
    shown = [registered(hst, bands, grid, judged), *(bands[b] for b in "grzy")]
    return Field(shown, bands["i"], judged, grid)


def registered(hst: Observation, narrow: dict[str, Observation], grid: Grid, inside: Any) -> Observation:
    """HST image moved and scaled to the light of r and z; the astrometry differs by 0.03 to 0.07 arcsec."""
    scene = WienerDeconvolution(target_fwhm=0.15).solve(hst, grid).details["scene"]
    factor, move = 0.0, np.zeros(2)
    for band, weight in RESPONSE["F814W"].items():
        forward = forward_operator(narrow[band], grid)
        parts = [forward(image)[inside] for image in (scene, *np.gradient(scene))]
        level = np.ones(parts[0].shape)
        fit = np.linalg.lstsq(np.stack([*parts, level], axis=1), narrow[band].image[inside], rcond=None)[0]
        factor += weight * fit[0]
        move -= weight * fit[1:3] / fit[0] * grid.scale / hst.pixel_scale
    wcs = hst.wcs.deepcopy()
    wcs.wcs.crpix = wcs.wcs.crpix - move[::-1]
    return Observation(factor * hst.image, hst.psf, hst.band, sigma=factor * float(hst.sigma), wcs=wcs)


def by_method(method: Any) -> Callable[[Field], Any]:
    """The i band between the sharpened r and z, through its own forward operator."""

    def predict(f: Field) -> Any:
        result = method(f.shown, f.grid, response=RESPONSE)
        between = I_FROM_R * result["r"] + (1 - I_FROM_R) * result["z"]
        return observed(between, result.target_fwhm, f)

    return predict


def observed(image: Any, fwhm: float, f: Field) -> Any:
    """What HSC sees in i of an image at a Gaussian PSF."""
    rows, columns = (np.fft.fftfreq(n, f.grid.scale) for n in f.grid.shape)
    width = fwhm / math.sqrt(8 * math.log(2))
    target = np.exp(-2 * (math.pi * width) ** 2 * (rows[:, None] ** 2 + columns[None, :] ** 2))
    sharpen = np.where(target > 1e-6, 1 / np.maximum(target, 1e-6), 0.0)
    scene = np.fft.ifft2(np.fft.fft2(image) * sharpen).real
    return forward_operator(f.hidden, f.grid)(scene)


def mean_of_neighbours(f: Field) -> Any:
    shown = {o.band: o.image for o in f.shown}
    return 0.5 * (shown["r"] + shown["z"])


def weighted_neighbours(f: Field) -> Any:
    shown = {o.band: o.image for o in f.shown}
    return I_FROM_R * shown["r"] + (1 - I_FROM_R) * shown["z"]


METHODS: dict[str, Callable[[Field], Any]] = {
    "mean of r and z": mean_of_neighbours,
    "r and z, by wavelength": weighted_neighbours,
    "LocalColour": by_method(LocalColour()),
    "JointWiener": by_method(JointWiener()),
    "JointSparse": by_method(JointSparse()),
    "JointGradient": by_method(JointGradient()),
    "JointGradient, no positivity": by_method(JointGradient(positivity=False)),
    "JointGradient, without HST": by_method(JointGradient(mixture_weight=0.0)),
}


def score(prediction: Any, f: Field) -> tuple[float, float]:
    """NMSE and mean squared standardised residual, after one factor."""
    truth, found = f.hidden.image[f.judged], prediction[f.judged]
    found = found * float(truth @ found) / float(found @ found)
    return nmse(found, truth), float(np.mean((found - truth) ** 2) / float(f.hidden.sigma) ** 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("SIGDEN_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default) / "multiband" / "hst_hsc")
    parser.add_argument("--scale", type=float, default=0.06, help="arcsec per pixel of the grid")
    parser.add_argument("--only", nargs="*", help="names that contain one of these")
    options = parser.parse_args()
    names = sorted(p.stem.removeprefix("hsc_") for p in options.data.glob("hsc_*.fits"))
    if not names:
        raise SystemExit(f"{options.data}: no HSC images; set SIGDEN_DATA or --data")
    fields = [field(options.data, name, options.scale) for name in names]
    floor = [1 / np.mean((f.hidden.image[f.judged] / float(f.hidden.sigma)) ** 2) for f in fields]
    print(f"{len(fields)} fields, grid {fields[0].grid.shape} of {options.scale} arcsec")
    print(f"{'':30s}" + "".join(f"{'nmse':>10s}{'chi2':>8s}" for _ in fields) + "   seconds")
    print(f"{'noise of the i band alone':30s}" + "".join(f"{n:10.5f}{1.0:8.2f}" for n in floor))
    for name, predict in METHODS.items():
        if options.only and not any(word in name for word in options.only):
            continue
        start = time.perf_counter()
        rows = [score(predict(f), f) for f in fields]
        seconds = (time.perf_counter() - start) / len(fields)
        print(f"{name:30s}" + "".join(f"{n:10.5f}{c:8.2f}" for n, c in rows) + f"{seconds:10.2f}", flush=True)


if __name__ == "__main__":
    main()
