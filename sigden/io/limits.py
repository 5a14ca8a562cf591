"""Bounds on what a file may claim, checked before memory is taken."""

from __future__ import annotations

from sigden.errors import FileError

__all__ = ["MAX_BYTES", "MAX_RATIO", "RATIO_FLOOR", "check_claim"]

#: Largest array that is read, in bytes (8 GiB: 4096 s at 16384 Hz take 0.5 GiB).
MAX_BYTES = 8 * 1024**3
#: Largest ratio of claimed to stored size. Strain compresses by 1.3, a wholly constant series by up to 1000.
MAX_RATIO = 200
#: Claims up to this size in bytes do no harm, so the ratio is not looked at.
RATIO_FLOOR = 32 * 1024**2


def check_claim(where: str, claimed: int, stored: int, max_bytes: int = MAX_BYTES) -> None:
    """Refuse an array whose claimed size is beyond the cap or out of proportion to what is stored.

    Parameters
    ----------
    where : str
        Path and object, for the message.
    claimed : int
        Size in memory that the file claims, in bytes.
    stored : int
        Size that the object takes in the file, in bytes.
    max_bytes : int
        Cap on the claim, in bytes.

    Raises
    ------
    FileError
        If the claim is above the cap, or above `RATIO_FLOOR` and more than `MAX_RATIO` times what is stored.
    """
    if claimed > max_bytes:
        raise FileError(
            f"{where}: claims {claimed:,} bytes, more than the cap of {max_bytes:,}; "
            "raise max_bytes if the file can be trusted"
        )
    if claimed > RATIO_FLOOR and claimed > MAX_RATIO * stored:
        raise FileError(
            f"{where}: claims {claimed:,} bytes but stores {stored:,} (more than {MAX_RATIO} to 1): "
            "a decompression bomb or data never written"
        )
