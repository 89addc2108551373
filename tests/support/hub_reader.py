"""A process that reads rows from the stand-in of the hub, as a user's would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).parent


class Reader:
    """A process that answers requests for rows."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, str(SUPPORT / "hub_worker.py"), *arguments]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, card: Path, *splits: str, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"card": str(card), "splits": splits, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=60)
