"""Where the numbers of a run go: metrics.jsonl always, experiment trackers where asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from openflan.files import write_text
from openflan.sums import DamageError, seal, unseal
from openflan.training.config import TrainError
from openflan.wording import counted

FILE = "metrics.jsonl"


class Tracker(Protocol):
    """An experiment tracker."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values of one step."""

    def close(self) -> None:
        """Flush and finish."""


class Metrics:
    """Appends a line per step to `run/metrics.jsonl` and passes it on to the trackers."""

    def __init__(self, run: Path, trackers: Iterable[str], settings: Mapping[str, Any]) -> None:
        self.path = run / FILE
        self.trackers = [_TRACKERS[name](run, settings) for name in trackers]

    def rewind(self, step: int, say: Callable[[str], None] = print) -> None:
        """Forget the lines after `step`, which will be written again, and those that are not what was written."""
        if not self.path.is_file():
            return
        kept = {}
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(DamageError, KeyError):  # a line cut short by a kill, or damaged later
                kept[unseal(line)["step"]] = line
        if lost := [number for number in range(1, step + 1) if number not in kept]:
            say(f"{FILE} has lost the lines of {counted(len(lost), 'step')}, the first of them step {lost[0]}")
        write_text(self.path, "".join(f"{line}\n" for number, line in kept.items() if number <= step))

    def log(self, step: int, **values: float) -> None:
        """Write one line; raises `TrainError` when the run folder is gone or the disk is full."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(seal({"step": step, **values})) + "\n")
        except OSError as error:
            raise TrainError(f"step {step} could not be written to {self.path}: {error.strerror}") from None
        for tracker in self.trackers:
            tracker.log(step, values)

    def close(self) -> None:
        """Close the trackers."""
        for tracker in self.trackers:
            tracker.close()


class _TensorBoard:
    def __init__(self, run: Path, settings: Mapping[str, Any]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise _missing("tensorboard") from None
        self.writer: Any = SummaryWriter(str(run / "tensorboard"))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(f"train/{name}", value, step)

    def close(self) -> None:
        self.writer.close()


class _Module:
    """trackio and wandb, which have the same interface."""

    def __init__(self, name: str, run: Path, settings: Mapping[str, Any]) -> None:
        try:
            self.module: Any = __import__(name)
        except ImportError:
            raise _missing(name) from None
        self.module.init(project="openflan", name=run.name, config=dict(settings))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.module.log(dict(values), step=step)

    def close(self) -> None:
        self.module.finish()


def _missing(name: str) -> TrainError:
    return TrainError(f"the tracker {name} is not installed: pip install {name}, or take it out of `trackers`")


_TRACKERS: Mapping[str, Any] = {
    "tensorboard": _TensorBoard,
    "trackio": lambda run, settings: _Module("trackio", run, settings),
    "wandb": lambda run, settings: _Module("wandb", run, settings),
}
