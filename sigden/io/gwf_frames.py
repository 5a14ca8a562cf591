"""Strain of a frame file read frame by frame through LALFrame."""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import FileError
from sigden.io.sampling import agree, rate_from_spacing
from sigden.io.stored import StoredStrain

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["open_frames"]

_READERS = {
    "D_TYPE_CODE": "REAL8",
    "S_TYPE_CODE": "REAL4",
    "I2_TYPE_CODE": "INT2",
    "I4_TYPE_CODE": "INT4",
    "I8_TYPE_CODE": "INT8",
    "U2_TYPE_CODE": "UINT2",
    "U4_TYPE_CODE": "UINT4",
    "U8_TYPE_CODE": "UINT8",
}
# the C library keeps state of its own
_ONE_AT_A_TIME = threading.Lock()


def open_frames(path: Path, channel: str, asked: float | None) -> StoredStrain | None:
    """Strain of one channel, of which one frame at a time is decoded.

    Parameters
    ----------
    path : pathlib.Path
        Frame file that is whole.
    channel : str
        Its channel.
    asked : float or None
        Sample rate in Hz that the caller asks for.

    Returns
    -------
    StoredStrain or None
        Missing frames are NaN. None where there is no LALFrame, or the file is no succession of frames that
        the channel fills: a single frame, say, which is decoded whole in any case.

    Raises
    ------
    FileError
        If the first frame cannot be read, frames overlap, or the sample rate is not `asked`.
    """
    if importlib.util.find_spec("lalframe") is None:
        return None
    where = f"{path}: {channel}"
    with _ONE_AT_A_TIME:
        frames = _frames(path)
        if len(frames) < 2:
            return None
        first = _decoded(path, channel, frames[0][2])
    start, duration, _ = frames[0]
    spacing = float(first.deltaT)
    if spacing <= 0 or float(first.epoch) != start or first.data.length != round(duration / spacing):
        return None
    rate = rate_from_spacing(spacing)
    places = [round((begin - start) * rate) for begin, _, _ in frames]
    sizes = [round(length * rate) for _, length, _ in frames]
    if any(a + n > b for a, n, b in zip(places, sizes, places[1:], strict=False)):
        raise FileError(f"{where}: frames overlap; separate them")
    unit = str(first.sampleUnits)
    read = _Frames(path, channel, start, rate, tuple(frames), tuple(places), tuple(sizes))
    return StoredStrain(
        read=read,
        size=places[-1] + sizes[-1],
        sample_rate=agree(rate, asked, where),
        t0=start,
        name=channel,
        channel=channel,
        unit=unit or "strain",
    )


@dataclass(eq=False)
class _Frames:
    """Reads stretches; the frame read last is kept, since stretches begin where the one before ended."""

    path: Path
    channel: str
    start: float
    rate: float
    frames: tuple[tuple[float, float, int], ...]
    places: tuple[int, ...]
    sizes: tuple[int, ...]
    _kept: tuple[int, Any] | None = field(default=None, init=False, repr=False)

    def __call__(self, first: int, last: int) -> NDArray[np.float64]:
        out = np.full(last - first, np.nan)
        for i, (place, size) in enumerate(zip(self.places, self.sizes, strict=True)):
            low, high = max(first, place), min(last, place + size)
            if low < high:
                out[low - first : high - first] = self._frame(i)[low - place : high - place]
        return out

    def _frame(self, i: int) -> Any:
        kept = self._kept
        if kept is None or kept[0] != i:
            with _ONE_AT_A_TIME:
                found = _decoded(self.path, self.channel, self.frames[i][2])
                # the C library frees its array with the series
                values = np.array(found.data.data, dtype=np.float64)
            at = round((float(found.epoch) - self.start) * self.rate)
            if (at, values.size, round(self.rate * found.deltaT, 9)) != (self.places[i], self.sizes[i], 1.0):
                raise FileError(
                    f"{self.path}: {self.channel}: the frame at {self.frames[i][0]:.9g} s is not filled at "
                    f"{self.rate:g} Hz"
                )
            self._kept = kept = (i, values)
        return kept[1]


def _frames(path: Path) -> list[tuple[float, float, int]]:
    """Start and duration in s and place in the file of every frame, in order of time."""
    import lal
    import lalframe

    try:
        file, time = lalframe.FrFileOpenURL(str(path)), lal.LIGOTimeGPS()
        found = []
        for i in range(lalframe.FrFileQueryNFrame(file)):
            lalframe.FrFileQueryGTime(time, file, i)
            found.append((float(time), float(lalframe.FrFileQueryDt(file, i)), i))
    except Exception as error:  # LAL raises bare RuntimeErrors and its own types
        raise FileError(f"{path}: cannot be read as GWF (damaged?): {error}") from error
    return sorted(found)


def _decoded(path: Path, channel: str, place: int) -> Any:
    import lal
    import lalframe

    where = f"{path}: {channel}"
    try:
        # opened anew, so that no file is held open between stretches
        file = lalframe.FrFileOpenURL(str(path))
        code = lalframe.FrFileQueryChanType(file, channel, place)
        names = {getattr(lal, key): name for key, name in _READERS.items()}
        if code in names:
            return getattr(lalframe, f"FrFileRead{names[code]}TimeSeries")(file, channel, place)
    except Exception as error:  # LAL raises bare RuntimeErrors and its own types
        raise FileError(f"{where}: frame {place} cannot be read (damaged?): {error}") from error
    raise FileError(f"{where}: LAL type {code} is not read; real numbers are needed")
