import json

import numpy as np
import pytest
from astropy.io import fits

from sigden import ROF, RROF, TV1D, StrainDenoiser
from sigden.batch import run_file
from sigden.errors import FileError, InputError, ParameterError
from sigden.io import read_npy, read_npz, read_provenance, read_strain
from sigden.io.arrays import write_npz

METHOD = TV1D(regularization=3.0)


def test_npy_comes_out_as_npy_with_its_record(tmp_path, step):
    np.save(tmp_path / "a.npy", step.astype(np.float32))
    outcome = run_file(METHOD, tmp_path / "a.npy", tmp_path / "out", sigma=0.2)
    clean = read_npy(tmp_path / "out" / "a-denoised.npy")
    np.testing.assert_array_equal(clean, METHOD.solve(step.astype(np.float32), sigma=0.2).estimate)
    assert clean.dtype == np.float32
    record = json.loads((tmp_path / "out" / "a-denoised.json").read_text())
    assert record["method"] == "TV1D"
    assert record["sigma"] == 0.2
    assert len(record["input_sha256"]) == 64
    assert outcome.status == "converged"
    assert outcome.outputs == (
        str(tmp_path / "out" / "a-denoised.npy"),
        str(tmp_path / "out" / "a-denoised.json"),
    )


def test_npz_denoises_its_arrays_and_keeps_the_rest(tmp_path, step):
    flags = np.arange(3)
    arrays = {"x": step, "file": np.stack([step, step]), "rate": np.float64(4096), "flags": flags}
    write_npz(tmp_path / "b.npz", arrays)
    run_file(METHOD, tmp_path / "b.npz", tmp_path)
    out = read_npz(tmp_path / "b-denoised.npz")
    assert set(out) == {"x", "file", "rate", "flags"}
    assert np.abs(np.diff(out["x"])).sum() < 0.3 * np.abs(np.diff(step)).sum()
    assert out["file"].shape == (2, 600)
    assert out["rate"] == 4096
    np.testing.assert_array_equal(out["flags"], flags)
    assert set(json.loads((tmp_path / "b-denoised.json").read_text())) == {"x", "file"}


def test_npz_without_data(tmp_path):
    np.savez(tmp_path / "b.npz", flags=np.arange(3))
    with pytest.raises(InputError, match=r"b\.npz: holds no floating-point array"):
        run_file(METHOD, tmp_path / "b.npz", tmp_path)


def image(path, *, extension=False, dtype=np.float32, scale=None):
    data = np.zeros((40, 40))
    data[10:30, 10:30] = 20
    data += np.random.default_rng(1).standard_normal(data.shape)
    header = fits.Header({"BUNIT": "Jy", "CRPIX1": 7.0, "CTYPE1": "RA---TAN"})
    if dtype is not np.int16:
        data[5, 6] = np.nan
    unit = (fits.ImageHDU if extension else fits.PrimaryHDU)(data.astype(dtype), header)
    if scale:
        unit.scale("int16", bscale=scale)
    (fits.HDUList([fits.PrimaryHDU(), unit]) if extension else fits.HDUList([unit])).writeto(path)
    return data


@pytest.mark.parametrize("extension", [False, True])
def test_fits_keeps_header_blanks_and_type(tmp_path, extension):
    data = image(tmp_path / "c.fits", extension=extension)
    run_file(ROF(regularization=2.0, tol=1e-3), tmp_path / "c.fits", tmp_path)
    with fits.open(tmp_path / "c-denoised.fits", checksum=True) as units:
        clean, header = units[0].data, units[0].header
        assert header["BUNIT"] == "Jy"
        assert header["CRPIX1"] == 7.0
        assert 'method = "ROF"' in list(header["HISTORY"])
        assert clean.dtype == np.dtype(">f4")
        np.testing.assert_array_equal(np.isnan(clean), np.isnan(data))
        assert np.nanstd(clean[12:28, 12:28]) < 0.5


def test_scaled_integers_are_read_as_physical_values(tmp_path):
    image(tmp_path / "c.fits", dtype=np.int16, scale=0.01)
    run_file(ROF(regularization=2.0), tmp_path / "c.fits", tmp_path)
    with fits.open(tmp_path / "c-denoised.fits") as units:
        assert "BSCALE" not in units[0].header
        assert units[0].data[20, 20] == pytest.approx(20, abs=2)


def test_compressed_fits(tmp_path):
    image(tmp_path / "c.fits.gz")
    assert run_file(ROF(regularization=2.0, tol=1e-3), tmp_path / "c.fits.gz", tmp_path).outputs == (
        str(tmp_path / "c-denoised.fits"),
    )


def test_truncated_fits(tmp_path):
    image(tmp_path / "c.fits")
    (tmp_path / "c.fits").write_bytes((tmp_path / "c.fits").read_bytes()[:4000])
    with pytest.raises(FileError, match=r"c\.fits"):
        run_file(METHOD, tmp_path / "c.fits", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no FITS file", b"SIMPLE  =                    T" + b" " * 2851])
def test_no_fits_at_all(tmp_path, content):
    (tmp_path / "c.fits").write_bytes(content)
    with pytest.raises(FileError, match=r"c\.fits"):
        run_file(METHOD, tmp_path / "c.fits", tmp_path / "out")


def test_fits_that_claims_more_than_it_stores(tmp_path):
    header = fits.Header(
        {"SIMPLE": True, "BITPIX": -64, "NAXIS": 2, "NAXIS1": 1_000_000, "NAXIS2": 1_000_000}
    )
    (tmp_path / "c.fits").write_bytes(header.tostring().encode() + b"\0" * 2880)
    with pytest.raises(FileError, match="claims 8,000,000,000,000 bytes"):
        run_file(METHOD, tmp_path / "c.fits", tmp_path / "out")


def test_denoiser_on_strain_keeps_the_time_axis_and_gaps(tmp_path, write):
    def gap(x):
        x[100:200] = np.nan

    source = write("h.hdf5", ("H1", "L1"), change=gap)
    run_file(RROF(regularization=1.0), source, tmp_path / "out")
    before, after = read_strain(source), read_strain(tmp_path / "out" / "h-denoised.hdf5")
    assert set(after) == {"H1", "L1"}
    assert (after["H1"].t0, after["H1"].sample_rate, after["H1"].channel) == (1e9, 1024.0, "H1:TEST")
    np.testing.assert_array_equal(after["H1"].gaps, before["H1"].gaps)
    assert np.nanstd(after["L1"].values) < 0.9 * np.nanstd(before["L1"].values)
    assert set(read_provenance(tmp_path / "out" / "h-denoised.hdf5")) == {"H1", "L1"}


def test_strain_method_on_strain_tells_its_figures(tmp_path, write):
    source = write("h.hdf5")
    outcome = run_file(StrainDenoiser(segment_seconds=1.0), source, tmp_path)
    assert set(outcome.figures) == {"H1"}
    assert outcome.figures["H1"]["residual_sigma"] == pytest.approx(1, abs=0.2)
    record = read_provenance(tmp_path / "h-denoised.hdf5")
    assert record["method"] == "StrainDenoiser"
    assert record["input"] == "h.hdf5"
    assert record["gps_start"] == 1e9


def test_nan_in_an_array_file_is_an_error_with_file_and_index(tmp_path, step):
    step[17] = np.nan
    np.save(tmp_path / "a.npy", step)
    with pytest.raises(InputError, match=r"a\.npy: .*index 17"):
        run_file(METHOD, tmp_path / "a.npy", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_existing_output_is_kept(tmp_path, step):
    np.save(tmp_path / "a.npy", step)
    (tmp_path / "a-denoised.npy").write_text("old")
    with pytest.raises(FileError, match="exists already"):
        run_file(METHOD, tmp_path / "a.npy", tmp_path)
    assert (tmp_path / "a-denoised.npy").read_text() == "old"
    assert not (tmp_path / "a-denoised.json").exists()
    run_file(METHOD, tmp_path / "a.npy", tmp_path, overwrite=True)
    assert read_npy(tmp_path / "a-denoised.npy").shape == (600,)


def test_pickles_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(FileError, match="pickle"):
        run_file(METHOD, tmp_path / "a.npy", tmp_path / "out")


def test_sigma_is_for_denoisers(tmp_path, write):
    with pytest.raises(ParameterError, match="sigma: StrainDenoiser"):
        run_file(StrainDenoiser(), write("h.hdf5"), tmp_path, sigma=1.0)


def test_the_worst_status_is_told(tmp_path, step):
    np.savez(tmp_path / "b.npz", easy=np.zeros(50), hard=np.cumsum(step))
    assert run_file(RROF(regularization=5.0, max_iter=1), tmp_path / "b.npz", tmp_path).status == "max_iter"
