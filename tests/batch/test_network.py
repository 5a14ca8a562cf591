import numpy as np
import pytest
from gwpy.timeseries import TimeSeries

from sigden import StrainDenoiser
from sigden.batch import analyse, read_network, write_denoised
from sigden.errors import FileError, InputError

METHOD = StrainDenoiser(segment_seconds=1.0)


def test_files_join_into_one_network(write):
    network = read_network([write("a.hdf5", ("H1", "V1")), write("b.hdf5", ("L1",))])
    assert list(network) == ["H1", "V1", "L1"]
    assert network["L1"][0].name == "b.hdf5"


def test_chosen_detectors(write):
    source = write("a.hdf5", ("H1", "V1"))
    assert list(read_network([source], detectors=["V1"])) == ["V1"]
    assert list(read_network([source, write("b.hdf5", ("L1",))], detectors=["V1", "L1"])) == ["V1", "L1"]
    with pytest.raises(FileError, match="K1"):
        read_network([source, write("c.hdf5", ("L1",))], detectors=["K1", "L1"])


def test_unequal_rates_name_both(write):
    with pytest.raises(InputError, match=r"H1 \(.*a\.hdf5\) has 1024 Hz, L1 \(.*b\.hdf5\) has 512 Hz"):
        read_network([write("a.hdf5"), write("b.hdf5", ("L1",), rate=512.0)])


def test_a_detector_in_two_files_names_both(write):
    with pytest.raises(InputError, match=r"H1: is in .*a\.hdf5 and in .*b\.hdf5"):
        read_network([write("a.hdf5"), write("b.hdf5")])


@pytest.mark.parametrize("output", ["calibrated", "whitened"])
def test_gwpy_reads_every_version(tmp_path, write, output):
    ((_, series),) = read_network([write("a.hdf5")]).values()
    done = analyse(METHOD, "H1", series)
    write_denoised(tmp_path / "o.hdf5", {"H1": done}, output=output)
    main = TimeSeries.read(tmp_path / "o.hdf5", path="H1", format="hdf5")
    white = output == "whitened"
    np.testing.assert_array_equal(
        main.value, done.result.whitened_denoised if white else done.result.denoised
    )
    assert str(main.unit) == ("" if white else "strain")
    assert main.t0.value == 1e9
    names = ["residual", "uncertainty", "whitened"] + (
        [] if white else ["whitened_denoised", "whitened_uncertainty"]
    )
    for name in names:
        assert TimeSeries.read(tmp_path / "o.hdf5", path=f"extras/H1/{name}", format="hdf5").size == main.size
    residual = TimeSeries.read(tmp_path / "o.hdf5", path="extras/H1/residual", format="hdf5")
    if white:
        np.testing.assert_allclose(main.value + residual.value, done.result.whitened, atol=1e-12)


def test_an_unusable_detector_is_named(write):
    ((_, series),) = read_network([write("a.hdf5", change=lambda x: x.fill(0))]).values()
    with pytest.raises(InputError, match="L7"):
        analyse(METHOD, "L7", series)
