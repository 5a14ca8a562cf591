"""Scene files: what they may say, and what comes of them."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sigden import LocalColour
from sigden.batch.scene_file import read_scene
from sigden.batch.scene_run import Tiling, run_scene, tile_scene, write_scene
from sigden.cli.multiband_demo import _write_inputs
from sigden.errors import FileError, ParameterError
from sigden.io import read_multiband
from sigden.simulate.scene import scene as simulate


@pytest.fixture(scope="module")
def sky():
    return simulate(seed=4, size=96, galaxies=6, psf_size=41)


@pytest.fixture
def folder(tmp_path, sky):
    _write_inputs(sky, tmp_path)
    path = tmp_path / "scene.toml"
    path.write_text(path.read_text().replace("JointSparse", "LocalColour"))
    return tmp_path


def change(folder, old, new):
    path = folder / "scene.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_scene_becomes_observations_on_one_grid(folder, sky):
    scene = read_scene(folder / "scene.toml").open()
    assert scene.method == LocalColour()
    assert [m.band for m in scene.mosaics] == ["VIS", "r", "i", "z"]
    assert (scene.grid.shape, scene.unit) == ((96, 96), "nJy")
    assert scene.grid.scale == pytest.approx(0.1)
    assert scene.inputs[:2] == ("vis.fits", "psf_vis.fits")
    done = run_scene(scene)
    # the files are in two units; all is nJy in the end
    factor = 10 ** (0.4 * (31.4 - sky.zero_point))
    np.testing.assert_allclose(done.observations[0].image, factor * sky.vis, rtol=1e-5)
    np.testing.assert_allclose(done.observations[1].image, factor * sky.rubin[0], rtol=1e-5)
    assert done.record["method"] == "LocalColour"
    assert set(done.record["input_sha256"]) == {"VIS", "r", "i", "z"}


def test_result_file_tells_how_it_was_made(folder, tmp_path):
    scene = read_scene(folder / "scene.toml").open()
    done = run_scene(scene)
    write_scene(tmp_path / "out.fits", scene, done)
    found = read_multiband(tmp_path / "out.fits")
    np.testing.assert_array_equal(found.estimate, done.result.estimate)
    np.testing.assert_allclose(
        found.grid.wcs.pixel_to_world_values(1, 2), scene.grid.wcs.pixel_to_world_values(1, 2)
    )
    history = "".join(fits.getheader(tmp_path / "out.fits")["HISTORY"])
    assert 'method = "LocalColour"' in history
    assert "rubin_i.fits" in history
    assert done.record["input_sha256"]["VIS"] in history


def test_tiles_on_disk_are_the_tiles_in_memory(folder, tmp_path):
    scene = read_scene(folder / "scene.toml").open()
    done = tile_scene(scene, tmp_path / "t.fits", Tiling(tile=48, halo=8, workers=2))
    from sigden.multiband import deconvolve_tiles

    direct = deconvolve_tiles(
        scene.method, scene.mosaics, scene.grid, response=scene.response, tile=48, halo=8
    )
    found = read_multiband(tmp_path / "t.fits")
    scale = np.abs(direct.estimate).max()
    np.testing.assert_allclose(found.estimate, direct.estimate, atol=1e-6 * scale)
    np.testing.assert_allclose(found.noise_covariance, direct.noise_covariance)
    assert done.window == (0, 96, 0, 96)
    assert done.record["tiling"] == {"tile": 48, "halo": 8, "crossfade": 4, "workers": 2, "tiles": 4}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[grid]", "[gird]", "gird: unknown key; did you mean 'grid'"),
        ("reference =", "referense =", "grid.referense: unknown key; did you mean 'reference'"),
        ('band = "VIS"', 'bend = "VIS"', r"observation\[0\].bend: unknown key; did you mean 'band'"),
        ("psf.file =", "psf.fyle =", r"psf.fyle: unknown key; did you mean 'file'"),
        ('image = "vis.fits"', "image = 3", r"Expected `str`, got `int`.*observation\[0\].image"),
        ('band = "VIS"\n', "", "missing `band`"),
        ('"LocalColour"', '"LocalColor"', "no method is called 'LocalColor'; did you mean 'LocalColour'"),
        ('"LocalColour"', '"RROF"', "RROF takes no observations"),
        ('reference = "VIS"', 'reference = "Vis2"', r"grid.reference: no band 'Vis2'; did you mean 'VIS'"),
        ('reference = "VIS"', "refine = 2", "give either reference"),
        ('reference = "VIS"', 'reference = "VIS"\nscale = 0.1', "scale and centre go with shape"),
        ('reference = "VIS"', 'reference = "VIS"\nrefine = 99', "refine: must be from 1 to 16"),
        ("[grid]", "[grid", "not valid TOML"),
        ("r = 0", 'r = "0', "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(folder, old, new, message):
    path = change(folder, old, new)
    with pytest.raises(ParameterError, match=message) as caught:
        read_scene(path).open()
    assert "scene.toml" in str(caught.value)


@pytest.mark.parametrize("name", ["../secret.fits", "/etc/passwd", "link.fits", "sub/../../secret.fits"])
def test_paths_do_not_leave_the_root(folder, name):
    root = folder / "inner"
    root.mkdir()
    (folder / "secret.fits").write_bytes((folder / "vis.fits").read_bytes())
    for path in folder.glob("*.*"):
        if path.is_file() and path.name != "secret.fits":
            path.rename(root / path.name)
    (root / "sub").mkdir()
    (root / "link.fits").symlink_to(folder / "secret.fits")
    path = change(root, '"vis.fits"', f'"{name}"')
    with pytest.raises(FileError, match=r"observation\[0\].image: .*(leaves|absolute)"):
        read_scene(path).open()
    if not name.startswith("/"):
        assert read_scene(path, root=folder).open().mosaics[0].shape == (96, 96)


def test_scene_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileError, match="cannot read the scene: No such file"):
        read_scene(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="not a text file"):
        read_scene(tmp_path / "binary.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(FileError, match="larger than a scene file"):
        read_scene(tmp_path / "huge.toml")
    (tmp_path / "empty.toml").write_text('observation = []\n[grid]\nreference = "r"\n')
    with pytest.raises(ParameterError, match="expected at least one"):
        read_scene(tmp_path / "empty.toml")


def test_grids_that_are_given_or_refined(folder):
    path = change(folder, 'reference = "VIS"', "shape = [64, 80]\nscale = 0.1\ncentre = [150.1, 2.2]")
    grid = read_scene(path).open().grid
    assert grid.shape == (64, 80)
    np.testing.assert_allclose(grid.wcs.pixel_to_world_values(39.5, 31.5), (150.1, 2.2))
    path = change(
        folder, "shape = [64, 80]\nscale = 0.1\ncentre = [150.1, 2.2]", 'reference = "r"\nrefine = 2'
    )
    refined = read_scene(path).open().grid
    vis = WCS(fits.getheader(folder / "vis.fits", "SCI"))
    assert refined.shape == (96, 96)
    np.testing.assert_allclose(
        refined.wcs.pixel_to_world_values([0, 95], [0, 50]), vis.pixel_to_world_values([0, 95], [0, 50])
    )


def test_files_without_wcs_are_placed_by_scale_and_offset(folder, sky):
    for name in ("vis.fits", *(f"rubin_{b}.fits" for b in sky.bands)):
        with fits.open(folder / name) as units:
            for keyword in ("CTYPE1", "CTYPE2"):
                del units[1].header[keyword]
            units.writeto(folder / "tmp.fits")
        (folder / "tmp.fits").replace(folder / name)
    text = (folder / "scene.toml").read_text()
    text = text.replace('image = "vis.fits"', 'image = "vis.fits"\nscale = 0.1')
    for band in sky.bands:
        text = text.replace(
            f'image = "rubin_{band}.fits"', f'image = "rubin_{band}.fits"\nscale = 0.2\noffset = [0.05, 0.05]'
        )
    (folder / "scene.toml").write_text(text)
    done = run_scene(read_scene(folder / "scene.toml").open())
    assert done.result.grid.wcs is None
    assert done.result.estimate.shape == (3, 96, 96)
