import numpy as np
import pytest

from sigden.batch import output_for, refuse_existing, staged, strain_stem
from sigden.batch.outputs import distinct
from sigden.errors import FileError
from sigden.io import StrainSeries


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.npy", "a-denoised.npy"),
        ("x/b.NPZ", "b-denoised.npz"),
        ("c.fits.gz", "c-denoised.fits"),
        ("d.fit", "d-denoised.fits"),
        ("H-H1_X.y-1-2.hdf5", "H-H1_X.y-1-2-denoised.hdf5"),
        ("e.gwf", "e-denoised.hdf5"),
        ("f.txt.gz", "f-denoised.hdf5"),
    ],
)
def test_names_of_outputs(tmp_path, name, expected):
    assert output_for(name, tmp_path) == tmp_path / expected


def test_strain_is_named_by_detector_gps_and_seconds():
    series = StrainSeries(values=np.zeros(1025), sample_rate=1024.0, t0=1126259446.5)
    assert strain_stem("H1", series) == "H1-1126259446-2"
    assert strain_stem("../a b:c", series) == "a_b_c-1126259446-2"
    assert strain_stem("//", series) == "strain-1126259446-2"


def test_staged_files_appear_together(tmp_path):
    with staged(tmp_path / "out") as put:
        put("a.txt").write_text("a")
        put("b.txt").write_text("b")
        assert not (tmp_path / "out" / "a.txt").exists()
    assert {p.name: p.read_text() for p in (tmp_path / "out").iterdir()} == {"a.txt": "a", "b.txt": "b"}


def write_and_fail(folder):
    with staged(folder, overwrite=True) as put:
        put("a.txt").write_text("new")
        raise RuntimeError


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(RuntimeError):
        write_and_fail(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failure_keeps_what_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError):
        write_and_fail(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_existing_outputs_are_refused_also_dangling_links(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    refuse_existing([tmp_path / "new"], overwrite=False)
    refuse_existing([link], overwrite=True)
    with pytest.raises(FileError, match=r"link: exists already; use --overwrite"):
        refuse_existing([tmp_path / "new", link], overwrite=False)


def test_labels_that_agree_are_made_different():
    labels = {"H1/a": "H1_a", "H1_a": "H1_a", "x": "H1_a-2", "L1": "L1", "H1 a": "H1_a"}
    made = distinct(labels)
    assert made == {"H1/a": "H1_a", "H1_a": "H1_a-3", "x": "H1_a-2", "L1": "L1", "H1 a": "H1_a-4"}
