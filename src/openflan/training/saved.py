"""The model that a run has saved, without torch: where it is, and whether it is still what was saved."""

from __future__ import annotations

from pathlib import Path

from openflan.errors import ModelError
from openflan.model.folder import ADAPTER
from openflan.sums import DamageError, damage, read_sealed

RESULT, MODEL = "train.json", "model"
"""In a run folder: how the training ended, with the sums of the model's files, and the model."""


def tuned_model(folder: Path) -> Path:
    """The model in a run folder; any other folder as it is. Raises `ModelError` where the run saved another."""
    found = folder / MODEL
    if not any((found / name).is_file() for name in ("config.json", ADAPTER)):
        return folder
    expect_as_saved(folder)
    return found


def expect_as_saved(run: Path) -> None:
    """Raise `ModelError`, with the file named, where the model in a run folder is not the one that the run saved."""
    if not (run / RESULT).is_file():
        return  # A folder of another program, or a run that is under way.
    try:
        found = damage(run / MODEL, read_sealed(run / RESULT).get("files", {}))
    except DamageError as error:
        raise ModelError(f"{run}: {error}, so its model cannot be checked; {_ADVICE} {run / MODEL}") from None
    if found:
        raise ModelError(f"{run / MODEL}/{found}; {_ADVICE} {run / MODEL}")


_ADVICE = "start the run again to have it made anew, or, if it was changed on purpose, give its own folder,"
