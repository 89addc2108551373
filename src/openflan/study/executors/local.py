"""The local pool: processes on this machine, as many at a time as it has slots."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from openflan.study.executors import Resources
from openflan.study.executors.child import start


@dataclass(eq=False)
class Handle:
    """A command that waits, runs or has ended; `slots` are those it has."""

    argv: Sequence[str]
    folder: Path
    resources: Resources
    process: subprocess.Popen[bytes] | None = None
    slots: list[int] = field(default_factory=list)


class LocalPool:
    """Runs commands in slots: GPUs, by their numbers, where a command needs some, else shares of the cores.

    The commands end with the pool, however that ends (`openflan.study.executors.child`).
    """

    def __init__(self, slots: int, gpus: Sequence[str] = ()) -> None:
        self._gpus = list(gpus)
        self._free = list(range(len(gpus) or slots))
        self._slots = len(self._free)
        self._waiting: deque[Handle] = deque()
        self._running: list[Handle] = []

    def submit(self, argv: Sequence[str], folder: Path, resources: Resources) -> Handle:
        """Have a command run as soon as there is room for it."""
        handle = Handle(argv, folder, resources)
        self._waiting.append(handle)
        self._fill()
        return handle

    def poll(self, handle: Handle) -> int | None:
        """The exit status of a command; None as long as it has not ended."""
        for ended in [one for one in self._running if one.process and one.process.poll() is not None]:
            self._running.remove(ended)
            self._free = sorted(self._free + ended.slots)
        self._fill()
        return handle.process.poll() if handle.process else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ask what runs to stop, and wait until it has saved what it has."""
        self._waiting.clear()
        for handle in self._running:
            if handle.process:
                handle.process.terminate()
        for handle in self._running:
            if handle.process:
                handle.process.wait()

    def _fill(self) -> None:
        while self._waiting and len(self._free) >= max(1, self._waiting[0].resources.gpus):
            handle = self._waiting.popleft()
            handle.slots = [self._free.pop(0) for _ in range(max(1, handle.resources.gpus))]
            handle.process = start(handle.argv, handle.folder, self._environment(handle))
            self._running.append(handle)

    def _environment(self, handle: Handle) -> dict[str, str]:
        own = {}
        if self._gpus:
            own["CUDA_VISIBLE_DEVICES"] = ",".join(self._gpus[slot] for slot in handle.slots)
        cores = handle.resources.cores or max(1, (os.cpu_count() or 1) // self._slots)
        return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(cores)), **own}


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    if named := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return [one for one in named.split(",") if one.strip()]
    return [str(number) for number in range(torch.cuda.device_count())]
