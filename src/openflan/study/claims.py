"""Who works on a folder, and how far they are: claims and states that live in the folder alone.

A claim is a file `claim-NNNN.json` that comes into being whole or not at all, so that of several processes, on one
machine or on many that share a disk, one gets it. The claim of a process that is no more is passed over by the next
number; nothing is ever taken away, and so nobody can take a claim twice. `status.json` says in which state the work is,
by whom, and when they were last heard of.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from openflan.errors import OpenflanError, Stopped
from openflan.files import LockedError, write_json, writing

State = Literal["pending", "running", "done", "failed"]

STATUS, PROGRESS = "status.json", "progress.json"

HEARTBEAT = 10.0
"""Seconds between two signs of life."""

SILENT = 180.0
"""Seconds without one after which a process counts as gone, wherever it is."""


class BusyError(OpenflanError):
    """Another process, which is alive, works on a folder."""


@dataclass(frozen=True)
class Status:
    """The state of a folder's work; `heartbeat` is a time in seconds since 1970, `claim` the number of the claim."""

    state: State = "pending"
    host: str = ""
    pid: int = 0
    heartbeat: float = 0.0
    seconds: float = 0.0
    error: str = ""
    claim: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether the work is being done now, by a process that has been heard of."""
        if self.state != "running" or time.time() - self.heartbeat > SILENT:
            return False
        return self.host != socket.gethostname() or _is_running(self.pid)


def read_status(folder: Path) -> Status:
    """What a folder says of its work; `pending` where it says nothing that can be read."""
    with suppress(OSError, ValueError, TypeError):
        return Status(**json.loads((folder / STATUS).read_text(encoding="utf-8")))
    return Status()


@contextmanager
def claimed(folder: Path) -> Iterator[Status]:
    """Work on a folder: it is `running` while the block runs, then `done`; `failed` after an error, `pending` after a
    stop. Yields what its state was before. Raises `BusyError` where somebody else works on it.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    number, before = _claim(folder)
    began = time.time()

    def say(state: State, error: str = "") -> None:
        seconds = before.seconds + time.time() - began
        mine = Status(state, socket.gethostname(), os.getpid(), time.time(), seconds, error, number)
        write_json(folder / STATUS, asdict(mine))

    state: State = "failed"
    error = ""
    say("running")
    try:
        with _beating(lambda: say("running")):
            yield before
        state = "done"
    except (Stopped, KeyboardInterrupt, BusyError, LockedError):
        state = "pending"
        raise
    except BaseException as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise
    finally:
        say(state, error)


def report_progress(folder: Path, done: float, total: float, told: str) -> None:
    """Write down how far the work in a folder is, for those who watch."""
    write_json(folder / PROGRESS, {"done": done, "total": total, "told": told})


def read_progress(folder: Path) -> tuple[float, str]:
    """How far the work in a folder is, from 0 to 1, and in words."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        now = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return min(1.0, now["done"] / (now["total"] or 1)), str(now["told"])
    return 0.0, ""


def _claim(folder: Path) -> tuple[int, Status]:
    """Take the next claim, if the last one is nobody's any more; returns its number and the state that was found."""
    numbers = [int(path.stem.partition("-")[2]) for path in folder.glob("claim-*.json")]
    last, before = max(numbers, default=0), read_status(folder)
    if last and _holds(folder / f"claim-{last:04}.json", last, before):
        raise BusyError(f"{folder} is being worked on by process {before.pid} on {before.host}")
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}
    drawn = folder / f".claim.{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}"  # threads may want it too
    with writing(drawn):
        drawn.write_text(json.dumps(mine), encoding="utf-8")
        try:
            os.link(drawn, folder / f"claim-{last + 1:04}.json")
        except FileExistsError:
            raise BusyError(f"{folder} has just been claimed by another process") from None
        finally:
            drawn.unlink()
    return last + 1, before


def _holds(path: Path, number: int, status: Status) -> bool:
    """Whether the process of a claim is still at it."""
    if status.claim == number:
        return status.is_alive
    # It has the claim and has not yet said so.
    with suppress(OSError, ValueError, KeyError):
        mine = json.loads(path.read_text(encoding="utf-8"))
        return Status("running", mine["host"], mine["pid"], mine["since"]).is_alive
    return False


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):  # a process that has ended and that nobody has asked about yet
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return True


@contextmanager
def _beating(beat: Callable[[], None]) -> Iterator[None]:
    """Call `beat` every so often, from a thread, while the block runs."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(HEARTBEAT):
            with suppress(OSError):  # a full disk is the work's own trouble
                beat()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
