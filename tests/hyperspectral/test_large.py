"""Cubes in parts: the same estimate as in memory, whatever the source, within the bound."""

import subprocess
import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from sigden import (
    ROF,
    FastHyDe,
    FileError,
    InputError,
    ParameterError,
    RobustSubspace,
    SubspaceCollaborative,
    SubspaceDenoise,
)
from sigden.arrays import threads
from sigden.hyperspectral import denoise_large, noise_power, table
from sigden.hyperspectral.model import fit
from sigden.hyperspectral.table import FileTable, MemoryTable
from sigden.hyperspectral.workspace import Workspace, parse_memory
from sigden.simulate import (
    dead_lines,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    poisson_noise,
    spectral_cube,
    stripe_noise,
)

TRUTH = spectral_cube((200, 24), 24, endmembers=4, seed=3)
NOISY = gaussian_noise(TRUTH, 0.05, seed=1)
MEMORY = "2 MB"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Blocks of a few rows, although the cube is small."""
    monkeypatch.setattr(table, "_PIECE", 400)


def gaps(cube):
    rng = np.random.default_rng(4)
    out = np.where(rng.random(cube.shape) < 0.05, np.nan, cube)
    out[20:23, 7] = np.nan
    out[..., 5] = 2.0
    out[..., 9] = np.nan
    return out.astype(np.float32)


CASES = {
    "gaussian": NOISY,
    "float64": NOISY.astype(np.float64),
    "photons": poisson_noise(TRUTH, 60.0, seed=1),
    "bright": poisson_noise(TRUTH, 1e5, seed=1),
    "stripes": stripe_noise(NOISY, seed=2),
    "impulses": impulse_noise(NOISY, seed=2),
    "dead lines": dead_lines(NOISY, seed=2),
    "mixed": mixed_noise(TRUTH, seed=2),
    "correlated": gaussian_noise(TRUTH, 0.05, seed=1, correlation=1.0),
    "gaps": gaps(NOISY),
}


def tightest(data, out, **options):
    """In the least memory that works."""
    memory = 1000
    for _ in range(6):
        try:
            return denoise_large(data, out, memory=memory, **options)
        except ParameterError as error:
            memory = str(error).rpartition("the least that works is ")[2]
    raise AssertionError(memory)


def assert_same(data, method, **options):
    expected = method.solve(data, **{k: options[k] for k in ("sigma", "mask") if k in options})
    out, left = np.full(data.shape, -1.0, data.dtype), np.empty_like(data)
    told = expected.gain is not None
    found = tightest(data, out, method=method, variance=left if told else None, **options)
    peak = float(np.nanmax(np.abs(data)))
    np.testing.assert_allclose(out, expected.estimate, rtol=0, atol=1e-6 * peak)
    if told:
        np.testing.assert_allclose(left, expected.variance(), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.sigma, expected.sigma, rtol=1e-6)
    assert found.rank == expected.rank
    assert found.counts() == expected.components.counts()
    assert found.dead.sum() + found.impulses.sum() == expected.components.outliers.sum()
    np.testing.assert_allclose(found.column_stripes, expected.components.column_stripes, atol=1e-6)
    assert (found.stabiliser is None) == (expected.stabiliser is None)
    return found


@pytest.mark.parametrize("case", CASES)
def test_same_as_in_memory(case):
    found = assert_same(CASES[case], SubspaceCollaborative())
    assert sum(found.counts().values()) > 0 or case in (
        "gaussian",
        "float64",
        "photons",
        "bright",
        "gaps",
        "correlated",
    )


@pytest.mark.parametrize(
    "method",
    [
        RobustSubspace(impulses=False),
        RobustSubspace(rank=3),
        RobustSubspace(denoiser=ROF(regularization=1.0)),
        SubspaceDenoise(),
        SubspaceDenoise(denoiser=ROF(regularization=1.0), rank=3),
    ],
    ids=str,
)
def test_same_for_every_method(method):
    assert_same(CASES["mixed"], method)
    assert_same(CASES["gaps"], method)


def test_given_noise_and_mask():
    rng = np.random.default_rng(3)
    level = (0.05 * rng.uniform(0.5, 2, (*NOISY.shape[:2], 1)) * np.ones(24)).astype(np.float32)
    level[3, 4, 5], level[6, 7, 8] = np.nan, np.inf
    mask = rng.random(NOISY.shape) < 0.02
    assert_same(NOISY, SubspaceCollaborative(), sigma=level, mask=mask)
    assert_same(NOISY, SubspaceCollaborative(), sigma=np.linspace(0.04, 0.06, 24))
    assert_same(NOISY, SubspaceCollaborative(), sigma=0.05)


def test_many_strips():
    tall = gaussian_noise(spectral_cube((500, 24), 20, endmembers=3, seed=5), 0.1, seed=6)
    stages = []
    assert_same(tall, SubspaceCollaborative(), progress=lambda *s: stages.append(s))
    assert len([s for s in stages if s[0] == "writing"]) > 1
    assert stages[-1] == ("writing", 500, 500)


def test_noise_power_from_strips(monkeypatch):
    whole = SubspaceCollaborative().solve(CASES["correlated"]).noise_power
    monkeypatch.setattr(noise_power, "_ENOUGH", 2 * 64 * 24)
    found = assert_same(CASES["correlated"], SubspaceCollaborative())
    assert not np.array_equal(found.noise_power, whole)
    np.testing.assert_allclose(found.noise_power, whole, rtol=0.25, atol=0.02 * whole.max())


def files(folder):
    """The same cube as every kind of source, with its spectral axis."""
    import h5py
    from astropy.io import fits

    np.save(folder / "a.npy", NOISY)
    yield "memmap", np.load(folder / "a.npy", mmap_mode="r"), 2
    np.save(folder / "b.npy", np.moveaxis(NOISY, 2, 0).astype(">f4"))
    yield "big-endian, wavelength first", np.load(folder / "b.npy", mmap_mode="r"), 0
    np.save(folder / "c.npy", np.moveaxis(NOISY, 2, 1))
    yield "interleaved by line", np.load(folder / "c.npy", mmap_mode="r"), 1
    with h5py.File(folder / "a.h5", "w") as file:
        file["cube"] = NOISY
        yield "HDF5", file["cube"], 2
    fits.writeto(folder / "a.fits", np.moveaxis(NOISY, 2, 0))
    with fits.open(folder / "a.fits") as units:
        yield "FITS section", units[0].section, 0


def test_every_source(tmp_path):
    expected = SubspaceCollaborative()(NOISY)
    seen = []
    for name, source, axis in files(tmp_path):
        out = np.zeros(source.shape, np.float32)
        denoise_large(source, out, axis=axis, memory=MEMORY)
        np.testing.assert_allclose(np.moveaxis(out, axis, 2), expected, atol=1e-6, err_msg=name)
        seen.append(name)
    assert len(seen) == 5


def test_envi_image_of_spectral(tmp_path):
    envi = pytest.importorskip("spectral.io.envi")
    envi.save_image(str(tmp_path / "a.hdr"), NOISY, interleave="bil", dtype=np.float32)
    out = np.zeros_like(NOISY)
    denoise_large(envi.open(str(tmp_path / "a.hdr")), out, memory=MEMORY)
    np.testing.assert_allclose(out, SubspaceCollaborative()(NOISY), atol=1e-6)


def test_dask_array():
    dask = pytest.importorskip("dask.array")
    out = np.zeros_like(NOISY)
    lazy = dask.from_array(NOISY, chunks=(50, 20, 24)) * 2
    denoise_large(lazy, out, memory=MEMORY, mask=dask.zeros(NOISY.shape, dtype=bool))
    np.testing.assert_allclose(out, SubspaceCollaborative()(NOISY * 2), atol=2e-6)


def test_integers_in_float32(tmp_path):
    counts = np.round(np.maximum(NOISY, 0) * 1e4).astype(np.uint16)
    out = np.lib.format.open_memmap(tmp_path / "o.npy", "w+", np.float32, counts.shape)
    denoise_large(counts, out, memory=MEMORY, dtype=np.float32)
    np.testing.assert_allclose(out, SubspaceCollaborative()(counts.astype(np.float32)), atol=0.05)
    assert counts.dtype == np.uint16


@pytest.mark.parametrize("value", [2.0, np.nan])
def test_cube_without_contrast_comes_out_as_it_is(value):
    data = np.full((30, 20, 8), value, np.float32)
    data[3, 4] = 2.0
    out = np.zeros_like(data)
    assert denoise_large(data, out, memory=MEMORY).rank == 0
    np.testing.assert_array_equal(out, data)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"memory": "200 kB"}, ParameterError, "the least that works is [12] MB"),
        ({"memory": "many"}, ParameterError, "is no size"),
        ({"memory": 0}, ParameterError, "whole positive number of bytes"),
        ({"method": FastHyDe()}, ParameterError, "FastHyDe does not work in parts"),
        ({"dtype": np.int16}, ParameterError, "float32 or float64"),
        ({"axis": 3}, InputError, "axis 3"),
        ({"mask": np.zeros((2, 2, 2), bool)}, InputError, "booleans of the shape"),
        ({"sigma": np.ones((2, 2, 2))}, InputError, "sigma"),
        ({"sigma": -1.0}, InputError, "not be negative|not negative"),
        ({"scratch": "/nowhere/at/all"}, FileError, "no scratch file can be made"),
    ],
)
def test_what_cannot_be_done_is_named_and_writes_nothing(options, error, message):
    out = np.full(NOISY.shape, -1.0, np.float32)
    with pytest.raises(error, match=message):
        denoise_large(NOISY, out, **{"memory": MEMORY, **options})
    assert (out == -1).all()


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("cube.npy", NOISY, "source: cube.npy is a path"),
        (NOISY[0], NOISY, "source: needs an array with three axes"),
        (NOISY > 1, NOISY, "holds booleans"),
        (NOISY, np.zeros((2, 2, 2)), "out: needs an array of the shape"),
        (NOISY, np.zeros(NOISY.shape, int), "out: needs floating numbers"),
        (np.where(NOISY > 0.9, np.inf, NOISY), np.zeros_like(NOISY), "infinite value at index"),
        (NOISY * np.nan, np.zeros_like(NOISY), "no sample is left"),
        (NOISY[:4, :4], np.zeros_like(NOISY[:4, :4]), "do not determine the noise"),
    ],
)
def test_bad_arrays(source, out, message):
    with pytest.raises(InputError, match=message):
        denoise_large(source, out, memory=MEMORY)


def test_variance_that_no_one_tells():
    with pytest.raises(ParameterError, match="leave variance out"):
        denoise_large(NOISY, np.empty_like(NOISY), variance=NOISY, method=SubspaceDenoise(denoiser=ROF()))


def test_sizes():
    assert parse_memory("2 GB") == 2 * 10**9
    assert parse_memory("1.5gib") == 3 * 2**29
    assert parse_memory(" 800 M ") == 8 * 10**8
    assert parse_memory(12345) == parse_memory("12345") == 12345


@pytest.mark.parametrize(("block", "group"), [(1, 1), (3, 4), (7, 16), (100, 3)])
def test_a_table_in_a_file_is_like_one_in_memory(tmp_path, block, group):
    rng = np.random.default_rng(0)
    shape = (11, 5, 9)
    memory = MemoryTable(np.zeros((55, 9), np.float32), shape)
    file = FileTable(open(tmp_path / "x", "w+b", buffering=0), shape, np.float32, block, group)  # noqa: SIM115
    for step in range(40):
        first, last = sorted(rng.integers(0, 12, 2))
        lower, upper = sorted(rng.integers(0, 10, 2))
        rows = rng.random(((last - first) * 5, 9), np.float32)
        bands = rng.random((upper - lower, 55), np.float32)
        for each in (memory, file):
            if step % 2:
                each.write(first, rows)
            else:
                each.put_bands(lower, bands)
        np.testing.assert_array_equal(file.read(first, last), memory.read(first, last))
        np.testing.assert_array_equal(file.bands(lower, upper), memory.bands(lower, upper))
    np.testing.assert_array_equal(file.read(0, 11), memory.array)
    assert file.read(0, 11).any()


def test_blocks_are_read_one_at_a_time_whatever_the_number_of_threads(tmp_path, monkeypatch):
    alive, most = set(), []
    read = FileTable.read

    def counted(self, first, last):
        part = read(self, first, last)
        alive.add(id(part))
        weakref.finalize(part, alive.discard, id(part))
        if len(part) > 10:  # not single spectra
            most.append(len(alive))
        return part

    monkeypatch.setattr(FileTable, "read", counted)
    sixteen = SimpleNamespace(filepath="blas", num_threads=16, set_num_threads=lambda count: None)
    monkeypatch.setattr(threads, "_libraries", lambda: [sixteen])
    with open(tmp_path / "x", "w+b", buffering=0) as raw:
        cube = FileTable(raw, NOISY.shape, np.float32, 10, 8)
        cube.write(0, NOISY.reshape(-1, NOISY.shape[2]))
        fit(cube, Workspace())
    assert len(most) >= 40
    assert max(most) <= 3


def test_a_scratch_file_cut_by_others_is_told(tmp_path):
    with open(tmp_path / "x", "w+b", buffering=0) as raw:
        made = FileTable(raw, (4, 5, 6), np.float32, 2, 3)
        raw.truncate(40)
        with pytest.raises(FileError, match="scratch file: cannot be read: it ends early"):
            made.read(0, 4)


def test_scratch_files_are_seen_by_no_one(tmp_path):
    made = Workspace("10 MB", tmp_path).table((4, 5, 6), np.float32)
    made.put_bands(1, np.ones((2, 20), np.float32))
    assert not any(tmp_path.iterdir())
    assert made.read(0, 4).sum() == 40


_MEASURED = """
import numpy as np, sys
from pathlib import Path
from sigden.hyperspectral import denoise_large

def peak():
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024

folder = Path(sys.argv[1])
small = np.random.default_rng(0).random((40, 40, 8), np.float32)
denoise_large(small, np.empty_like(small), memory="100 MB")
noisy = np.load(folder / "a.npy", mmap_mode="r")
out = np.lib.format.open_memmap(folder / "b.npy", "w+", np.float32, noisy.shape)
before = peak()
denoise_large(noisy, out, memory="36 MB", scratch=folder)
print(noisy.nbytes, peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_memory_stays_within_the_bound(tmp_path):
    noisy = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, (1000, 160, 80))
    rng = np.random.default_rng(0)
    spectra = rng.random((3, 80), np.float32)
    for row in range(1000):
        noisy[row] = rng.random((160, 3), np.float32) @ spectra + rng.standard_normal((160, 80)) * 0.1
    noisy.flush()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path)], check=True, capture_output=True, text=True
    )
    size, taken = (int(word) for word in done.stdout.split())
    assert size == 1000 * 160 * 80 * 4
    assert taken < 36e6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "b.npy"]


@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 0, 5), (4, 4, 1)], ids=str)
def test_cubes_without_pixels_or_bands_are_refused(shape):
    with pytest.raises(InputError, match="at least two bands"):
        denoise_large(np.zeros(shape), np.zeros(shape), memory="1 MB")
