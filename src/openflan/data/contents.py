"""What a file holds, as a checksum that is not computed anew for as long as the file is not touched.

A sum is kept under what the file system says of the file: its path, device and inode, its size, and the times at which
its content and its entry were last changed. Nobody can set the last of these, so writing to a file, putting another in
its place, or giving it its old date back are all noticed. Its clock is coarse: the sum of a file that was changed a
moment ago is not kept, as it might be changed again within the same tick.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from openflan.files import cache
from openflan.sums import DamageError, read_sealed, write_sealed

_SETTLED = 2.0
"""Seconds after which a further change to a file is sure to show in its times."""


def content(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return remembered(path) or _summed(path)


def remembered(path: Path) -> str | None:
    """The sum that is kept of a file as it is; None where there is none."""
    with suppress(DamageError, KeyError):
        note = read_sealed(_note(path))
        if note["file"] == _state(path):
            return str(note["sha256"])
    return None


def _summed(path: Path) -> str:
    before, now = _state(path), time.time()
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    changed = max(before["mtime"], before["ctime"]) / 1e9
    if before == _state(path) and changed + _SETTLED < now:
        with suppress(OSError):  # it is computed anew the next time
            write_sealed(_note(path), {"file": before, "sha256": found})
    return found


def _state(path: Path) -> dict[str, int]:
    told = path.stat()
    return {
        "device": told.st_dev,
        "inode": told.st_ino,
        "bytes": told.st_size,
        "mtime": told.st_mtime_ns,
        "ctime": told.st_ctime_ns,
    }


def _note(path: Path) -> Path:
    name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
    return cache() / "sums" / f"{name}.json"
