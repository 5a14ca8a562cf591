"""``sigden demo cube``: a simulated scene as an ENVI file, and what comes of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sigden.io.cube import Cube

__all__ = ["cube_demo"]

_SEED = 5
_SHAPE = (96, 96)
_BANDS = 120
_BAD = slice(56, 62)
_NAME = "scene.hdr"
_TEXT = (
    "Simulated reflectance of five materials from 420 to 2400 nm, with Gaussian noise whose level varies "
    "from band to band, impulses, stripes and dead lines. The bad-band list of the file names the bands "
    "about 1400 nm, where water vapour takes the light. The truth is known and shown beside."
)


def cube_demo(directory: Path, *, overwrite: bool, as_json: bool, quiet: bool) -> None:
    """Simulate a scene, write it as ENVI, denoise it, and show both.

    Parameters
    ----------
    directory : pathlib.Path
        Where all goes.
    overwrite : bool
        Whether existing files may be replaced.
    as_json, quiet : bool
        What is printed.
    """
    import numpy as np

    from sigden.batch import refuse_existing, staged
    from sigden.batch.cube_run import run_cube
    from sigden.cli.console import json_out, progress_bar, require_plot, table
    from sigden.cli.cube_outputs import planned, write_outputs
    from sigden.hyperspectral import SubspaceCollaborative
    from sigden.io.cube import cube_files, read_cube, write_cube
    from sigden.metrics import mpsnr, spectral_angle

    require_plot()
    source = directory / _NAME
    plan = planned(source, directory, report=True)
    refuse_existing([*cube_files(source), *plan.files], overwrite)
    method = SubspaceCollaborative()
    with (
        staged(directory, overwrite) as put,
        tempfile.TemporaryDirectory() as folder,
        progress_bar(quiet or as_json) as bars,
    ):
        task = bars.add_task("simulating", total=None)
        truth, scene = _scene()
        write_cube(Path(folder) / _NAME, scene)
        bars.update(task, description="denoising")
        done = run_cube(method, read_cube(Path(folder) / _NAME), source=_NAME)
        for path in cube_files(Path(folder) / _NAME):
            put(path.name).write_bytes(path.read_bytes())
        write_outputs(
            plan,
            method,
            done,
            title="demonstration",
            text=_TEXT,
            truth=truth,
            beside=cube_files(source),
            overwrite=overwrite,
        )
        bars.update(task, total=1, completed=1)
    good = scene.good_bands
    clean = np.ascontiguousarray(truth[..., good])
    figures = {}
    for name, cube in (("before", done.before), ("after", done.after)):
        values = np.ascontiguousarray(cube.values[..., good])
        figures[name] = {
            "mpsnr": float(mpsnr(values, clean)),
            "spectral_angle": float(np.nanmean(spectral_angle(values, clean))),
        }
    if as_json:
        json_out(
            {
                "method": method.to_dict(),
                "figures": figures,
                "components": done.result.components.counts(),
                "input": source,
                "output": plan.cube,
                "figure": plan.figure,
                "report": plan.page,
            }
        )
    elif not quiet:
        rows = [
            [name, f"{one['mpsnr']:.1f} dB", f"{one['spectral_angle']:.1f} deg"]
            for name, one in figures.items()
        ]
        table("", ["cube", "MPSNR", "spectral angle"], rows)
        click.echo(f"\nThe input is {source}; to do it again:")
        click.echo(f"  sigden cube {source} --out again")
        click.echo(f"Look at {plan.page}")


def _scene() -> tuple[Any, Cube]:
    """Truth, and the cube as it is observed."""
    import numpy as np

    from sigden.io.cube import Cube
    from sigden.simulate import gaussian_noise, mixed_noise, spectral_cube

    truth = spectral_cube(_SHAPE, _BANDS, seed=_SEED)
    seen = mixed_noise(truth, (0.01, 0.1), seed=_SEED + 1)
    seen[..., _BAD] = gaussian_noise(0 * truth[..., _BAD], 1.0, seed=_SEED + 2)
    bad = np.zeros(_BANDS, bool)
    bad[_BAD] = True
    wavelength = np.linspace(420.0, 2400.0, _BANDS)
    return truth, Cube(
        values=seen,
        wavelength=wavelength,
        wavelength_unit="Nanometers",
        fwhm=np.full(_BANDS, wavelength[1] - wavelength[0]),
        bad_bands=bad,
        name=_NAME,
    )
