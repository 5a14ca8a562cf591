"""Fetching from GWOSC, without network."""

import importlib.util
import os
import time
import urllib.error

import h5py
import numpy as np
import pytest

from sigden.errors import FileError, ParameterError
from sigden.io import fetch_event

requests = pytest.importorskip("requests")
locate = pytest.importorskip("gwosc.locate")
data = pytest.importorskip("astropy.utils.data")

BASE = "https://gwosc.org/eventapi/json/GWTC-1-confident/GW150914/v3/"
URLS = [f"{BASE}{d[0]}-{d}_GWOSC_4KHZ_R1-1126259447-32.hdf5" for d in ("L1", "H1")]


@pytest.fixture
def server(monkeypatch, tmp_path):
    """GWOSC with two files; keeps what it was asked."""
    asked = []
    outside = tmp_path / "server"
    outside.mkdir()

    def get_event_urls(name, **kwargs):
        asked.append((name, kwargs))
        return URLS

    def download_file(url, **kwargs):
        asked.append((url, kwargs))
        path = outside / f"download-{len(asked)}"
        with h5py.File(path, "w") as file:
            file["strain/Strain"] = np.arange(4.0)
        return str(path)

    monkeypatch.setattr(locate, "get_event_urls", get_event_urls)
    monkeypatch.setattr(data, "download_file", download_file)
    return asked


def answer(monkeypatch, outcome):
    def get_event_urls(name, **kwargs):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(locate, "get_event_urls", get_event_urls)


def test_files_are_fetched_once(server, tmp_path):
    folder = tmp_path / "cache" / "deep"
    paths = fetch_event("GW150914", directory=folder)
    assert [path.name[:4] for path in paths] == ["H-H1", "L-L1"]
    assert sorted(os.listdir(folder)) == [path.name for path in paths]
    assert os.listdir(tmp_path / "server") == []
    assert server[0] == ("GW150914", {"sample_rate": 4096, "duration": 32, "format": "hdf5"})
    assert all(kwargs["timeout"] <= 10 and kwargs["cache"] is False for _, kwargs in server[1:])
    count = len(server)
    assert fetch_event("GW150914", detectors=["L1"], directory=folder) == paths[1:]
    assert fetch_event("GW150914", detectors="H1", directory=folder) == paths[:1]
    assert len(server) == count + 2


def test_cache_folder(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (path,) = fetch_event("GW150914", ["H1"])
    assert path.parent == tmp_path / "home" / "sigden" / "gwosc"


def test_detector_that_is_not_there(server, tmp_path):
    with pytest.raises(FileError, match="no 32 s file at 4096 Hz of V1; it has H1, L1"):
        fetch_event("GW150914", ["H1", "V1"], directory=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_no_network_is_said_plainly(tmp_path, monkeypatch):
    answer(monkeypatch, requests.exceptions.ConnectionError("Failed to resolve 'gwosc.org'"))
    with pytest.raises(FileError, match=r"no network: .*by hand from https://gwosc.org/eventapi/.*GW150914"):
        fetch_event("GW150914", directory=tmp_path)


def test_silent_server_is_left_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(locate, "get_event_urls", lambda *args, **kwargs: time.sleep(5))
    start = time.monotonic()
    with pytest.raises(FileError, match="no network: GWOSC gave no answer within"):
        fetch_event("GW150914", directory=tmp_path, timeout=0.2)
    assert time.monotonic() - start < 4


def test_unknown_event_and_server_in_trouble(tmp_path, monkeypatch):
    for status, words in ((404, "knows no event 'GW1'"), (503, "GWOSC answers 503")):
        response = requests.Response()
        response.status_code = status
        answer(monkeypatch, requests.exceptions.HTTPError("oh", response=response))
        with pytest.raises(FileError, match=words):
            fetch_event("GW1", directory=tmp_path)
    answer(monkeypatch, ValueError("not JSON"))
    with pytest.raises(FileError, match="not understood: not JSON"):
        fetch_event("GW1", directory=tmp_path)
    answer(monkeypatch, [])
    with pytest.raises(FileError, match="of any detector; it has none"):
        fetch_event("GW1", directory=tmp_path)


def test_network_lost_in_the_download(server, tmp_path, monkeypatch):
    def fail(url, **kwargs):
        raise urllib.error.URLError("timed out")

    monkeypatch.setattr(data, "download_file", fail)
    with pytest.raises(FileError, match=r"no network: https://gwosc.org/.*H-H1.*timed out.*by hand"):
        fetch_event("GW150914", directory=tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_login_page_is_not_kept(server, tmp_path, monkeypatch):
    page = tmp_path / "page"

    def portal(url, **kwargs):
        page.write_text("<html>please log in</html>")
        return str(page)

    monkeypatch.setattr(data, "download_file", portal)
    with pytest.raises(FileError, match="what came back is no HDF5 file"):
        fetch_event("GW150914", directory=tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []
    assert not page.exists()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/H-H1_X-1-32.hdf5",
        "https://gwosc.org/H-H1_X-1-32.txt",
        "https://gwosc.org/H-H1_%2e%2e-1.hdf5",
    ],
)
def test_strange_addresses(tmp_path, monkeypatch, url):
    answer(monkeypatch, [url])
    with pytest.raises(FileError, match="refused"):
        fetch_event("GW150914", directory=tmp_path)


@pytest.mark.parametrize("kwargs", [{"name": "../x"}, {"name": ""}, {"sample_rate": 8192}, {"duration": 64}])
def test_parameters(tmp_path, kwargs):
    with pytest.raises(ParameterError, match=next(iter(kwargs))):
        fetch_event(**{"name": "GW150914", "directory": tmp_path, **kwargs})


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileError, match=r"pip install 'sigden\[gw\]'"):
        fetch_event("GW150914", directory=tmp_path)
