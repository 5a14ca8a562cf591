"""Fetch open strain around a catalogued event from GWOSC."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import textwrap
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sigden.errors import FileError, ParameterError
from sigden.io.atomic import atomic_path, prepare_output
from sigden.io.hdf5 import open_hdf5
from sigden.io.naming import detector_of_file, listed

__all__ = ["fetch_event"]

_PAGE = "https://gwosc.org/eventapi/html/allevents/"
_EVENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")
_FILE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.\-]*\.hdf5$")

T = TypeVar("T")


def fetch_event(
    name: str,
    detectors: Sequence[str] | None = None,
    sample_rate: int = 4096,
    duration: int = 32,
    directory: str | os.PathLike[str] | None = None,
    *,
    timeout: float = 20.0,
) -> list[Path]:
    """Download the GWOSC strain files of an event, or find them where they were downloaded before.

    Parameters
    ----------
    name : str
        Event, as GWOSC names it (``GW150914``).
    detectors : sequence of str, optional
        Detector prefixes (``["H1", "L1"]``); all that GWOSC has by default.
    sample_rate : int
        4096 or 16384, in Hz.
    duration : int
        Length of the files, 32 or 4096, in s.
    directory : path, optional
        Where the files go: ``$XDG_CACHE_HOME/sigden/gwosc``, or ``~/.cache/sigden/gwosc``, by default.
    timeout : float
        Longest wait for an answer in s: half for the catalogue, half for a server that stalls in a download.

    Returns
    -------
    list of pathlib.Path
        One HDF5 file per detector, in the order of the detector prefixes.

    Raises
    ------
    FileError
        If there is no network, GWOSC does not know the event or has no such files, what comes back is not
        HDF5, or the package gwosc is missing. The message says how to go on by hand.
    ParameterError
        If `name`, `sample_rate` or `duration` is none that GWOSC has.

    References
    ----------
    Gravitational Wave Open Science Center, https://gwosc.org (data under CC BY 4.0: cite it).
    """
    if not _EVENT.match(name):
        raise ParameterError(f"name {name!r} is no event name (letters, digits, '_', '-', '.')")
    if sample_rate not in (4096, 16384):
        raise ParameterError(f"sample_rate is {sample_rate}; GWOSC has 4096 and 16384 Hz")
    if duration not in (32, 4096):
        raise ParameterError(f"duration is {duration}; GWOSC has 32 and 4096 s")
    if importlib.util.find_spec("gwosc") is None:
        raise FileError(f"{name}: fetching needs the package gwosc: pip install 'sigden[gw]'")
    if isinstance(detectors, str):
        detectors = [detectors]
    urls = _urls(name, detectors, sample_rate, duration, timeout / 2)
    folder = prepare_output(_cache() if directory is None else directory)
    return [_download(name, url, folder, timeout / 2) for url in urls]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sigden" / "gwosc"


def _by_hand(name: str) -> str:
    return f"download the files by hand from {_PAGE} (event {name}) and pass them as files"


def _urls(
    name: str, detectors: Sequence[str] | None, sample_rate: int, duration: int, seconds: float
) -> list[str]:
    """Address of one file for each detector."""
    from gwosc.locate import get_event_urls

    def locate() -> list[str]:
        return list(get_event_urls(name, sample_rate=sample_rate, duration=duration, format="hdf5"))

    try:
        urls = _within(seconds, locate)
    except TimeoutError as error:
        raise FileError(f"no network: GWOSC gave no answer within {seconds:g} s; {_by_hand(name)}") from error
    except OSError as error:  # the errors of requests are OSErrors
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == 404:
            raise FileError(f"GWOSC knows no event {name!r}; see {_PAGE}") from error
        reason = f"GWOSC answers {status}" if status else f"no network: {_short(error)}"
        raise FileError(f"{reason}; {_by_hand(name)}") from error
    except Exception as error:  # gwosc passes on errors of JSON and of tenacity
        raise FileError(
            f"{name}: GWOSC's answer is not understood: {_short(error)}; {_by_hand(name)}"
        ) from error
    found: dict[str, str] = {}
    for url in urls:
        prefix = detector_of_file(Path(urlsplit(url).path))
        if prefix is not None:
            found[prefix] = url
    missing = [prefix for prefix in detectors or () if prefix not in found]
    if missing or not found:
        raise FileError(
            f"{name}: GWOSC has no {duration} s file at {sample_rate} Hz of "
            f"{', '.join(missing) or 'any detector'}; it has {listed(sorted(found))}"
        )
    return [found[prefix] for prefix in sorted(found if detectors is None else set(detectors))]


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Result of `work`, or TimeoutError; gwosc retries for minutes and a name server can stall too."""
    box: dict[str, Any] = {}

    def run() -> None:
        try:
            box["result"] = work()
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=run, name="sigden-gwosc", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if "error" in box:
        raise box["error"]
    result: T = box["result"]
    return result


def _short(error: BaseException) -> str:
    """First line of the error that began it all."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    lines = str(error).splitlines()
    return textwrap.shorten(lines[0], 200, placeholder="...") if lines else type(error).__name__


def _download(name: str, url: str, folder: Path, seconds: float) -> Path:
    parts = urlsplit(url)
    filename = parts.path.rsplit("/", 1)[-1]
    if parts.scheme not in ("https", "http") or not _FILE.match(filename):
        raise FileError(f"{name}: GWOSC's answer names {url!r}, which is no HDF5 file on the web; refused")
    target = folder / filename
    if target.exists():
        with open_hdf5(target):
            return target
    from astropy.utils.data import download_file

    try:
        fetched = Path(download_file(url, cache=False, show_progress=False, timeout=seconds))
    except OSError as error:  # URLError and TimeoutError are OSErrors
        raise FileError(f"no network: {url}: {_short(error)}; {_by_hand(name)}") from error
    try:
        with atomic_path(target, overwrite=True) as temporary:
            shutil.copyfile(fetched, temporary)
            with open_hdf5(temporary):
                pass
    except FileError as error:
        raise FileError(f"{url}: what came back is no HDF5 file ({error}); {_by_hand(name)}") from error
    finally:
        fetched.unlink(missing_ok=True)
    return target
