"""Who runs the cells: an executor takes a command line, and says later how it ended.

What was done is never the executor's to know: states are in the folders (`openflan.study.claims`), so a study that one
executor began goes on with another, or with none, cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self


@dataclass(frozen=True)
class Resources:
    """What a cell needs: processor cores (as many as there are when None) and GPUs."""

    cores: int | None = None
    gpus: int = 0


KILLED = -9
"""The exit status of a command whose process, or whose whole machine, is no more."""


class Executor(Protocol):
    """Runs command lines, as many at a time as it has room for; used in a `with` block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def submit(self, argv: Sequence[str], folder: Path, resources: Resources) -> Any:
        """Have a command run; what it prints goes to files in `folder`. Returns what `poll` is to be asked with."""
        ...

    def poll(self, handle: Any) -> int | None:
        """The exit status of a command; None as long as it has not ended."""
        ...
