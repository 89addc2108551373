"""Untrusted work in a process of its own, which is ended when it takes too much time or memory.

This is for work inside a library (chat templates); texts of cards are limited by `openflan.tasks.bounds`.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from openflan.errors import OpenflanError

SECONDS = 10
"""Processor time that confined work may take."""

MEGABYTES = 1024
"""Memory that it may take, beyond what the process holds already."""

_PATIENCE = 12
"""On a busy machine a second of processor time may take many."""


class OutOfBounds(OpenflanError):
    """Confined work took too long or too much memory."""


def confined(work: Callable[[], Any], error: type[OpenflanError]) -> Any:
    """What `work` returns, which JSON can say, computed in a fork of this process.

    Raises `error` with the message of an `OpenflanError` in it, and `OutOfBounds` when the fork ended otherwise.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    try:
        answer = _all_of(reading, time.monotonic() + SECONDS * _PATIENCE)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:
        told: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise OutOfBounds(f"it took more than {SECONDS} seconds, or more than {MEGABYTES:,} MB") from None
    if "error" in told:
        raise error(told["error"])
    return told["value"]


def _work(work: Callable[[], Any], writing: int) -> None:
    """The child: it never returns, whatever happens."""
    try:
        _limit()
        try:
            told: dict[str, Any] = {"value": work()}
        except OpenflanError as fault:
            told = {"error": str(fault)}
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(told, pipe)
    finally:
        os._exit(0)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    with suppress(OSError, ValueError):  # where the system tells no size, or knows no such limit
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MEGABYTES * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _all_of(reading: int, until: float) -> bytes:
    """What comes out of a pipe until its end, or until a time."""
    found = b""
    while (left := until - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            if not (some := os.read(reading, 2**16)):
                break
            found += some
    return found
