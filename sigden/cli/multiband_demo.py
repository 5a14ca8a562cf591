"""``sigden demo multiband``: a simulated field as files, and what comes of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sigden.simulate.scene import Scene as Sky

__all__ = ["multiband_demo"]

_SEED = 3
_SIZE = 192
_CENTRE = (150.1, 2.2)
_SCENE = "scene.toml"
_TEXT = (
    "Simulated galaxies and stars as Euclid sees them in VIS and Rubin, in ten years, in r, i and z. "
    "The truth is known; it is shown at the resolution of the estimate. "
    "All files that went in stand beside this page, scene.toml tells how."
)


def multiband_demo(directory: Path, *, overwrite: bool, as_json: bool, quiet: bool) -> None:
    """Simulate a field, write it as Euclid and Rubin files, deconvolve them, and show both.

    Parameters
    ----------
    directory : pathlib.Path
        Where all goes.
    overwrite : bool
        Whether existing files may be replaced.
    as_json, quiet : bool
        What is printed.
    """
    from sigden.batch import refuse_existing, staged
    from sigden.batch.scene_file import read_scene
    from sigden.batch.scene_run import run_scene, write_scene
    from sigden.cli.console import json_out, progress_bar, require_plot, table
    from sigden.cli.multiband_outputs import FIGURE, PAGE, RESULT, report_of
    from sigden.io.multiband.photometry import NANOJANSKY_ZERO_POINT
    from sigden.simulate.scene import scene as simulate

    require_plot()
    inputs = _input_names()
    names = [*inputs, RESULT, FIGURE, PAGE]
    refuse_existing([directory / name for name in names], overwrite)
    with (
        staged(directory, overwrite) as put,
        tempfile.TemporaryDirectory() as folder,
        progress_bar(quiet or as_json) as bars,
    ):
        task = bars.add_task("simulating", total=None)
        sky = simulate(seed=_SEED, size=_SIZE)
        _write_inputs(sky, Path(folder))
        bars.update(task, description="deconvolving")
        scene = read_scene(Path(folder) / _SCENE).open()
        done = run_scene(scene)
        truth = sky.truth * 10 ** (0.4 * (NANOJANSKY_ZERO_POINT - sky.zero_point))
        picture, page = report_of(scene, done, title="demonstration", outputs=names, text=_TEXT, truth=truth)
        for name in inputs:
            put(name).write_bytes((Path(folder) / name).read_bytes())
        write_scene(put(RESULT), scene, done, overwrite=True)
        put(FIGURE).write_bytes(picture)
        put(PAGE).write_text(page, encoding="utf-8")
        bars.update(task, total=1, completed=1)
    errors = _errors(done.result, done.observations, truth)
    if as_json:
        json_out(
            {
                "method": scene.method.to_dict(),
                "squared_error": errors,
                "scene": directory / _SCENE,
                "output": directory / RESULT,
                "figure": directory / FIGURE,
                "report": directory / PAGE,
            }
        )
    elif not quiet:
        rows = [[band, f"{one['before']:.3f}", f"{one['after']:.3f}"] for band, one in errors.items()]
        table("", ["band", "squared error before", "after"], rows)
        click.echo("\nThe squared error is a fraction of the truth's squared light, at its resolution.")
        click.echo(f"The inputs and {_SCENE} are in {directory}; to do it again:")
        click.echo(f"  sigden multiband {directory / _SCENE} --out again")
        click.echo(f"Look at {directory / PAGE}")


def _errors(result: Any, observations: Any, truth: Any) -> dict[str, dict[str, float]]:
    """Squared error of the data, at the nearest pixel, and of the estimate."""
    import numpy as np

    from sigden.metrics import nmse

    out = {}
    for band, estimate, true in zip(result.bands, result.estimate, truth, strict=True):
        data = np.asarray(next(o for o in observations if o.band == band).values)
        step = true.shape[0] // data.shape[0]
        out[band] = {
            "before": nmse(np.kron(data, np.ones((step, step))) / step**2, true),
            "after": nmse(estimate, true),
        }
    return out


def _input_names() -> list[str]:
    bands = [f"{kind}_{band}.fits" for band in "riz" for kind in ("rubin", "psf")]
    return ["vis.fits", "psf_vis.fits", *bands, _SCENE]


def _write_inputs(sky: Sky, folder: Path) -> None:
    """VIS as Euclid writes it, electrons with a zero point; Rubin as LSST does, in nJy."""
    import numpy as np
    from astropy.io import fits

    from sigden.io.multiband.photometry import NANOJANSKY_ZERO_POINT

    vis = [
        fits.PrimaryHDU(),
        fits.ImageHDU(sky.vis.astype(np.float32), _header(sky.scale, sky.vis.shape, 1), name="SCI"),
        fits.ImageHDU(np.full(sky.vis.shape, sky.sigma_vis, np.float32), name="RMS"),
        fits.ImageHDU(np.zeros(sky.vis.shape, np.int32), name="FLG"),
    ]
    vis[1].header["BUNIT"], vis[1].header["MAGZERO"] = "electron", sky.zero_point
    files: dict[str, Any] = {"vis.fits": vis, "psf_vis.fits": _psf(sky.psf_vis, sky.scale)}
    factor = 10 ** (0.4 * (NANOJANSKY_ZERO_POINT - sky.zero_point))
    for band, image, psf, sigma in zip(sky.bands, sky.rubin, sky.psf_rubin, sky.sigma_rubin, strict=True):
        header = _header(sky.scale, sky.vis.shape, round(sky.rubin_scale / sky.scale))
        header["BUNIT"] = "nJy"
        mask = fits.ImageHDU(np.zeros(image.shape, np.int32), name="MASK")
        for number, plane in enumerate(("BAD", "SAT", "INTRP", "CR", "EDGE")):
            mask.header[f"MP_{plane}"] = number
        files[f"rubin_{band}.fits"] = [
            fits.PrimaryHDU(),
            fits.ImageHDU((factor * image).astype(np.float32), header, name="IMAGE"),
            mask,
            fits.ImageHDU(np.full(image.shape, (factor * sigma) ** 2, np.float32), name="VARIANCE"),
        ]
        files[f"psf_{band}.fits"] = _psf(psf, sky.scale)
    for name, units in files.items():
        fits.HDUList(units).writeto(folder / name)
    (folder / _SCENE).write_text(_scene_text(sky), encoding="utf-8")


def _header(scale: float, shape: tuple[int, int], step: int) -> Any:
    """TAN projection about the centre of the field for pixels of `step` VIS pixels."""
    from astropy.io import fits

    header = fits.Header()
    for axis, (name, centre, size, sign) in enumerate(
        (("RA---TAN", _CENTRE[0], shape[1], -1), ("DEC--TAN", _CENTRE[1], shape[0], 1)), 1
    ):
        header[f"CTYPE{axis}"] = name
        header[f"CRVAL{axis}"] = centre
        header[f"CRPIX{axis}"] = size / 2 / step + 0.5
        header[f"CDELT{axis}"] = sign * step * scale / 3600
        header[f"CUNIT{axis}"] = "deg"
    return header


def _psf(psf: Any, scale: float) -> list[Any]:
    from astropy.io import fits

    header = fits.Header()
    header["PIXELSCL"] = (scale, "[arcsec] distance of the samples")
    return [fits.PrimaryHDU(psf, header)]


def _scene_text(sky: Sky) -> str:
    bands = {"VIS": ("vis.fits", "psf_vis.fits")}
    bands |= {band: (f"rubin_{band}.fits", f"psf_{band}.fits") for band in sky.bands}
    mixture = (f"{band} = {float(share):.4f}" for band, share in zip(sky.bands, sky.alpha, strict=True))
    lines = ["[method]", 'method = "JointSparse"', ""]
    lines += ["# pixels of the result: those of this band", "[grid]", 'reference = "VIS"', ""]
    lines += ["# what the wide band is mixed of", "[response.VIS]", *mixture]
    for band, (image, psf) in bands.items():
        lines += ["", "[[observation]]", f'band = "{band}"', f'image = "{image}"', f'psf.file = "{psf}"']
    return "\n".join(lines) + "\n"
