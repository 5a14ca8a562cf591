"""What every reader says of files of which nothing can be made."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from sigden.errors import FileError
from sigden.io import open_cube, open_strain, read_cube, read_table
from sigden.io.fits import read_image
from sigden.io.npz import read_npy, read_npz

READERS = [
    (read_npy, ".npy"),
    (read_npz, ".npz"),
    (read_image, ".fits"),
    (open_strain, ".hdf5"),
    *((read_table, suffix) for suffix in (".csv", ".ecsv", ".fits", ".parquet")),
    *((read_cube, suffix) for suffix in (".npy", ".npz", ".mat", ".h5", ".fits", ".hdr", ".tif")),
]


@pytest.mark.parametrize(("read", "suffix"), READERS)
def test_missing_and_empty_files_and_folders_are_named(tmp_path, read, suffix):
    (tmp_path / f"empty{suffix}").touch()
    (tmp_path / f"folder{suffix}").mkdir()
    for name, words in (("none", "no such file"), ("empty", "is empty"), ("folder", "not a regular file")):
        path = tmp_path / f"{name}{suffix}"
        with pytest.raises(FileError) as caught:
            read(path)
        assert words in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".npy", ".fits", ".h5", ".hdr"])
def test_so_are_they_where_parts_are_read(tmp_path, suffix):
    (tmp_path / f"empty{suffix}").touch()
    with pytest.raises(FileError, match="is empty"), open_cube(tmp_path / f"empty{suffix}"):
        pass


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_fits_table_that_is_cut_short_is_no_table(tmp_path, share):
    path = tmp_path / "t.fits"
    Table({"p": np.arange(600.0), "y": np.arange(600.0)}).write(path)
    assert len(read_table(path)) == 600
    with pytest.raises(FileError, match="cut short"):
        read_table(cut(path, share))


@pytest.mark.parametrize("read", [read_image, read_cube])
def test_fits_images_that_are_cut_short_are_called_so(tmp_path, read):
    path = tmp_path / "i.fits"
    fits.PrimaryHDU(np.ones((12, 16, 18), np.float32)).writeto(path)
    with pytest.raises(FileError, match="the file is cut short"):
        read(cut(path, 0.5))


def test_what_is_no_fits_file_is_told_without_words_of_astropy(tmp_path):
    (tmp_path / "a.fits").write_text("hello")
    for read in (read_image, read_cube, read_table):
        with pytest.raises(FileError) as caught:
            read(tmp_path / "a.fits")
        assert "no SIMPLE card" in str(caught.value)
        assert "ignore_missing" not in str(caught.value)


def test_a_fits_file_without_a_table_and_with_two(tmp_path):
    fits.PrimaryHDU(np.ones((4, 4))).writeto(tmp_path / "i.fits")
    with pytest.raises(FileError, match="holds no table"):
        read_table(tmp_path / "i.fits")
    units = [fits.table_to_hdu(Table({name: [1.0, 2.0]})) for name in ("a", "b")]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(tmp_path / "two.fits")
    with pytest.warns(UserWarning, match="holds 2 tables; the first is read"):
        assert read_table(tmp_path / "two.fits").colnames == ["a"]


@pytest.mark.parametrize("read", [read_npy, read_npz, open_strain])
def test_a_name_that_no_file_can_have_is_named(tmp_path, read):
    with pytest.raises(FileError, match="cannot be opened: File name too long"):
        read(tmp_path / ("a" * 300))
