"""Files are written whole and renamed into place, so a reader never meets half a file; a folder has one writer."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from openflan.errors import OpenflanError

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO}
"""Errors that come from where a file is written to, and not from what is written."""

PLACE = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EPERM,
}  # fmt: skip
"""Errors of a path that cannot be what it was named for, such as a file where a folder is to be."""


class WriteError(OpenflanError, OSError):
    """A file could not be written: no room, or no right to."""


class LockedError(OpenflanError):
    """Another process is writing to a folder."""


def cache() -> Path:
    """Where downloaded models and rows are kept: `$OPENFLAN_CACHE`, or `~/.cache/openflan`."""
    return Path(os.environ.get("OPENFLAN_CACHE") or Path.home() / ".cache" / "openflan")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; when the block ends well that file takes `path`'s place, else it is removed.

    Raises `WriteError` when the disk will not take it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(what: Path) -> Iterator[None]:
    """Turn what the disk answers, while the block writes something, into a sentence: raises `WriteError`."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        if error.errno not in DISK:
            raise
        raise WriteError(f"{what} could not be written: {error.strerror}; make room and run the same again") from None


@contextmanager
def locked(folder: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes from writing to a folder while the block runs; `what` tells them who has it.

    With `wait`, one that finds it locked waits for as long as it is. Within one process the lock may be taken again by
    the block itself. It goes with the process that took it, however that ends, and is not handed down to its children.
    Raises `LockedError`, naming who holds it.
    """
    import fcntl

    path = (folder / ".lock").resolve()
    if (path, os.getpid()) in _held:
        yield
        return
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        opened = path.open("a+", encoding="utf-8")
    with opened as file:
        try:
            # A record lock: unlike one of `flock`, it is not kept alive by workers that outlive their parent.
            fcntl.lockf(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise LockedError(f"{folder} cannot be locked: {error.strerror}") from None
            raise LockedError(f"{folder} is being written to by {_holder(path)}; wait for it or stop it") from None
        with writing(path):
            file.truncate(0)
            json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": _now(), "what": what}, file)
            file.flush()
        _held.add((path, os.getpid()))
        _clear(folder)
        try:
            yield
        finally:
            _held.discard((path, os.getpid()))
            with suppress(OSError):
                file.truncate(0)


def _clear(folder: Path) -> None:
    """Remove what killed processes of this machine were writing to a folder when they ended."""
    for left in folder.rglob(".*.part"):
        number = left.name.split(".")[-2]
        if left.is_file() and number.isdigit() and not _runs(int(number)):
            left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


_held: set[tuple[Path, int]] = set()
"""The locks that processes have taken; a forked child inherits the entries of its parent, but not its number."""


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return f"process {told['pid']} on {told['host']} ({told['what']}, since {told['since']})"
    except (OSError, ValueError, KeyError, TypeError):  # it is just taking the lock
        return "another process"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
