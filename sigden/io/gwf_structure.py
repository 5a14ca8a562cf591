"""Check that a frame file is whole before a C library reads it: LALFrame crashes on one that is cut short."""

from __future__ import annotations

import struct
from pathlib import Path

from sigden.errors import FileError

__all__ = ["require_whole_frames"]

_HEADER = 40
_PREAMBLE = 14
_MAX_STRUCTURES = 10_000_000


def require_whole_frames(path: Path) -> None:
    """Walk the structures of a GWF file by their lengths to the last, which must state the size of the file.

    Parameters
    ----------
    path : pathlib.Path
        File on disk.

    Raises
    ------
    FileError
        If the file has no frame signature, is of a version before 6, is cut short or damaged.

    References
    ----------
    LIGO-T970130, "Specification of a Common Data Frame Format for Interferometric Gravitational Wave
    Detectors", section 4.3: file header and the length that begins every structure.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
        if head[:5] != b"IGWD\0":
            raise FileError(f"{path}: not a GWF file (no IGWD signature)")
        if len(head) < _HEADER:
            raise FileError(f"{path}: the frame file is cut short; fetch it again")
        if head[5] < 6:
            raise FileError(f"{path}: frame format version {head[5]} is not read; 6 and later are")
        order = {b"\x12\x34": ">", b"\x34\x12": "<"}.get(head[12:14])
        if order is None:
            raise FileError(f"{path}: the frame file is damaged (byte order)")
        position, last = _HEADER, _HEADER
        for _ in range(_MAX_STRUCTURES):
            if position == size:
                # the last structure is FrEndOfFile: number of frames (4 bytes), then bytes in the file (8)
                stream.seek(last + _PREAMBLE + 4)
                stated = stream.read(8)
                if len(stated) == 8 and struct.unpack(order + "Q", stated)[0] == size:
                    return
                break
            stream.seek(position)
            preamble = stream.read(_PREAMBLE)
            if len(preamble) < _PREAMBLE:
                break
            (length,) = struct.unpack_from(order + "Q", preamble)
            if not _PREAMBLE <= length <= size - position:
                break
            last, position = position, position + length
    raise FileError(f"{path}: the frame file is cut short or damaged at byte {position:,} of {size:,}")
