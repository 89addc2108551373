"""The process that does a cell's work: it prints to the cell's folder, and ends when the one that started it does."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG = "log.txt"
"""What a cell's process prints."""

_POOLED = "OPENFLAN_POOLED"
"""Set for processes whose standard input ends when their parent does."""


def start(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, *, where: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a command with some variables more, in the folder `where` (this process's own when None).

    It prints to `folder`, and stops when this process is no more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("ab") as log:
        variables = {**os.environ, **(environment or {}), _POOLED: "1"}
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=variables, cwd=where)


def end_with_parent() -> None:
    """Stop this process, as SIGTERM does, when the one that started it is no more; nothing where none did."""
    if not os.environ.pop(_POOLED, ""):
        return

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
