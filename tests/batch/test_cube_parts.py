"""Cubes from file to file in bounded memory: as in memory, whole or not at all."""

import h5py
import numpy as np
import pytest

from sigden import FastHyDe, FileError, InputError, ParameterError, SubspaceCollaborative, SubspaceDenoise
from sigden.batch import denoise_cube_file
from sigden.batch.cube_run import run_cube
from sigden.hyperspectral import table
from sigden.io import Cube, read_cube, write_cube
from sigden.method import input_hash
from sigden.simulate import gaussian_noise, spectral_cube

NOISY = gaussian_noise(spectral_cube((120, 24), 20, endmembers=4, seed=1), 0.05, seed=2)
MEMORY = "3 MB"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(table, "_PIECE", 400)


def scene(name, axis):
    values, variance = NOISY.copy(), np.full(NOISY.shape, 0.0025, np.float32)
    values[..., 3], values[5, 6, 7], variance[3, 4, 5] = np.nan, np.nan, 0
    plain = name.endswith(".npy")
    return Cube(
        values=values,
        variance=None if plain or name.endswith(".hdr") else variance,
        wavelength=None if plain else np.linspace(400, 900, 20),
        bad_bands=np.isin(np.arange(20), (3, 7)) if name.endswith((".h5", ".hdr")) else None,
        axis=axis,
    )


@pytest.mark.parametrize(
    ("name", "axis"), [("a.npy", 2), ("a.npy", 0), ("a.h5", 2), ("a.h5", 1), ("a.fits", 0), ("a.hdr", 2)]
)
def test_same_file_as_from_memory(tmp_path, name, axis):
    source, parts, whole = tmp_path / name, tmp_path / f"parts-{name}", tmp_path / f"whole-{name}"
    write_cube(source, scene(name, axis))
    given = axis if name.endswith((".npy", ".h5")) else None
    expected = run_cube(SubspaceCollaborative(), read_cube(source, axis=given), source=name)
    write_cube(whole, expected.after, provenance=expected.record)
    stages = set()
    done = denoise_cube_file(
        source, parts, memory=MEMORY, axis=given, progress=lambda stage, *_: stages.add(stage)
    )
    found, wanted = (read_cube(path, axis=given) for path in (parts, whole))
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-6)
    assert (found.variance is None) == (wanted.variance is None)
    if wanted.variance is not None:
        np.testing.assert_allclose(found.variance, wanted.variance, rtol=1e-5)
    np.testing.assert_array_equal(found.bad_bands, wanted.bad_bands)
    np.testing.assert_allclose(done.sigma, expected.sigma)
    for key in ("input_sha256", "sigma_sha256"):
        assert done.record.get(key) == expected.record.get(key), key
    assert ("sigma_sha256" in done.record) == (wanted.variance is not None)
    assert done.record.get("bad_bands") == expected.record.get("bad_bands")
    assert {"reading", "writing"} <= stages


def test_a_denoiser_that_does_not_tell_the_variance(tmp_path):
    from sigden import ROF

    write_cube(tmp_path / "a.h5", Cube(values=NOISY))
    method = SubspaceDenoise(denoiser=ROF(regularization=1.0))
    denoise_cube_file(tmp_path / "a.h5", tmp_path / "b.h5", method=method, memory=MEMORY)
    found = read_cube(tmp_path / "b.h5")
    assert found.variance is None
    np.testing.assert_allclose(found.values, method(NOISY), atol=1e-6)


def test_interrupted_runs_leave_nothing(tmp_path):
    np.save(tmp_path / "a.npy", NOISY)

    def stop(stage, done, total):
        if stage == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        denoise_cube_file(tmp_path / "a.npy", tmp_path / "b.npy", memory=MEMORY, progress=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]
    (tmp_path / "b.npy").write_bytes(b"precious")
    with pytest.raises(KeyboardInterrupt):
        denoise_cube_file(
            tmp_path / "a.npy", tmp_path / "b.npy", memory=MEMORY, progress=stop, overwrite=True
        )
    assert (tmp_path / "b.npy").read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "b.npy"]


def test_what_cannot_be_done(tmp_path):
    np.save(tmp_path / "a.npy", NOISY)
    with pytest.raises(ParameterError, match="FastHyDe does not work in parts"):
        denoise_cube_file(tmp_path / "a.npy", tmp_path / "b.npy", method=FastHyDe())
    with pytest.raises(ParameterError, match="the least that works"):
        denoise_cube_file(tmp_path / "a.npy", tmp_path / "b.npy", memory=10)
    write_cube(tmp_path / "c.h5", Cube(values=NOISY, bad_bands=np.arange(20) > 0))
    with pytest.raises(InputError, match="two are needed"):
        denoise_cube_file(tmp_path / "c.h5", tmp_path / "d.h5")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "c.h5"]


def test_the_record_holds_a_hash_of_the_mask(tmp_path):
    mask = np.zeros(NOISY.shape, dtype=bool)
    mask[4, 5, 6] = True
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"], file["mask"] = NOISY, mask
    done = denoise_cube_file(tmp_path / "a.h5", tmp_path / "b.h5", memory=MEMORY)
    assert done.record["mask_sha256"] == input_hash(mask)


def test_an_output_that_exists_is_refused_before_the_input_is_read(tmp_path):
    (tmp_path / "b.h5").write_bytes(b"precious")
    with pytest.raises(FileError, match=r"b\.h5: exists"):
        denoise_cube_file(tmp_path / "missing.npy", tmp_path / "b.h5", memory=MEMORY)
