"""How far a run is, how it ended, and whether it is the same run that is started again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from openflan.data.stream import TrainingRows
from openflan.sums import DamageError, damage, read_sealed, sums_of, write_sealed
from openflan.training.config import TrainConfig, TrainError
from openflan.training.place import compute_dtype
from openflan.training.saved import MODEL, RESULT


@dataclass(frozen=True)
class TrainProgress:
    """How far a run is. Rates and times are of the recent steps; `labelled` is the count of the whole run so far."""

    step: int
    steps: int
    loss: float
    lr: float
    tokens_per_second: float
    labelled: int
    seconds_left: float


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    model: str
    step: int
    loss: float
    tokens: int
    labelled: int
    seconds: float


def identity(rows: TrainingRows, config: TrainConfig, base: Mapping[str, str], device: torch.device) -> dict[str, Any]:
    """All that the trained weights follow from, by name and as JSON gives it back.

    `base` says which model is trained: names and fingerprints. The precision is the one in force on `device`.
    """
    precision = str(compute_dtype(config, device)).removeprefix("torch.")
    now = {"data": rows.fingerprint, **base, **config.outcome, "dtype": precision}
    found: dict[str, Any] = json.loads(json.dumps(now))
    return found


_NOT_THE_MODEL = {"_name_or_path", "architectures", "dtype", "transformers_version"}
"""What a configuration says of where it is kept, and not of what the weights make of a text."""


def weights_fingerprint(model: PreTrainedModel) -> str:
    """A hash of a model's configuration and of all its weights, wherever it came from."""
    config = {key: value for key, value in model.config.to_dict().items() if key not in _NOT_THE_MODEL}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def check_folder(run: Path, now: Mapping[str, Any]) -> None:
    """Raise `TrainError` for a run folder that was begun as another run than `now`, its `identity`; changes nothing."""
    for path in (run / RESULT, *sorted(run.glob("checkpoints/step-*/record.json"), reverse=True)):
        with suppress(DamageError, KeyError):  # the next one tells as well
            return check_resumable(run, read_sealed(path)["settings"], now)
    return None


def check_resumable(run: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise `TrainError` for a run that was begun with another model, other settings or data."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        changed = "; ".join(f"{name}: {before.get(name)} then, {now.get(name)} now" for name in names)
        raise TrainError(f"{run} was begun with other settings ({changed}); use them again, or another run folder")


def finished(run: Path, now: Mapping[str, Any], resume: bool) -> TrainResult | None:
    """The result of a run that has already ended well; raises `DamageError` when its model is not what was saved."""
    path = run / RESULT
    if not path.exists():
        return None
    if not resume:
        raise TrainError(f"{run} holds a finished run; choose another run folder")
    written = read_sealed(path)
    check_resumable(run, written.pop("settings"), now)
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
