"""How far a run is, how it ended, and whether it is the same run that is started again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openflan.data.stream import Rows
from openflan.sums import DamageError, damage, read_sealed, sums_of, write_sealed
from openflan.train.config import TrainConfig, TrainError

RESULT, MODEL = "train.json", "model"


@dataclass(frozen=True)
class Progress:
    """Where a run is. Rates and times are of the recent steps; `labelled` is the count of the whole run so far."""

    step: int
    steps: int
    loss: float
    lr: float
    tokens_per_second: float
    labelled: int
    seconds_left: float


@dataclass(frozen=True)
class TrainResult:
    """How a run ended: `finished` unless SIGTERM stopped it, in which case the same command goes on."""

    model: str
    step: int
    finished: bool
    loss: float
    tokens: int
    labelled: int
    seconds: float


def identity(rows: Rows, config: TrainConfig) -> dict[str, Any]:
    """What the trained weights follow from, besides the model; as JSON gives it back."""
    found: dict[str, Any] = json.loads(json.dumps({"data": rows.fingerprint, **config.outcome}))
    return found


def check_resumable(run: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise `TrainError` for a run folder that was begun with other settings or data."""
    changed = [f"{name}: {before.get(name)} then, {now[name]} now" for name in now if before.get(name) != now[name]]
    if changed:
        raise TrainError(
            f"{run} was begun with other settings ({'; '.join(changed)}); use them again, or another run folder"
        )


def finished(run: Path, rows: Rows, config: TrainConfig, resume: bool) -> TrainResult | None:
    """The result of a run that has already ended well; raises `DamageError` when its model is not what was saved."""
    path = run / RESULT
    if not path.exists():
        return None
    if not resume:
        raise TrainError(f"{run} holds a finished run; choose another run folder")
    written = read_sealed(path)
    check_resumable(run, written.pop("settings"), identity(rows, config))
    if (found := damage(run / MODEL, written.pop("files"))) is not None:
        raise DamageError(f"{MODEL}/{found}")
    return TrainResult(**written)


def reopen(run: Path, damaged: DamageError, checkpoints: bool, say: Callable[[str], None]) -> None:
    """Take back a finished run whose model is damaged, so that it is made again from a checkpoint.

    Raises `TrainError` when there is none.
    """
    if not checkpoints:
        raise TrainError(
            f"the run in {run} has ended, but {damaged}, and there is no checkpoint to make it again from; "
            f"remove {run / RESULT} to train from the beginning"
        )
    say(f"the run in {run} has ended, but {damaged}; making the model again from the last checkpoint")
    (run / RESULT).unlink()


def write_result(run: Path, result: TrainResult, settings: dict[str, Any]) -> None:
    """Record that a run has ended well, and what the files of its model are.

    All but the model card, which is added to when the model has been measured.
    """
    files = sums_of(run / MODEL)
    files.pop("README.md", None)
    write_sealed(run / RESULT, {**asdict(result), "settings": settings, "files": files})
