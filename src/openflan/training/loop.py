"""Training: finetune a model on packed rows, in a run folder of its own, from the start or where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from openflan.data.stream import TrainingRows
from openflan.files import locked
from openflan.sums import DamageError
from openflan.training.checkpoint import checkpoints_in
from openflan.training.config import TrainConfig, TrainError
from openflan.training.parallel import World, world
from openflan.training.result import (
    TrainProgress,
    TrainResult,
    check_folder,
    finished,
    identity,
    reopen,
    weights_fingerprint,
)
from openflan.training.trainer import Card, Trainer

__all__ = ["TrainProgress", "TrainResult", "train"]


def train(
    model: PreTrainedModel,
    rows: TrainingRows,
    config: TrainConfig,
    run: Path,
    *,
    base: Mapping[str, str] | None = None,
    here: World | None = None,
    resume: bool = True,
    begin: Callable[[], None] | None = None,
    on_progress: Callable[[TrainProgress], None] | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    card: Card | None = None,
    say: Callable[[str], None] = print,
) -> TrainResult:
    """Finetune a model in place on packed rows, and save it to `run/model` as a Hugging Face folder.

    Of a soft prompt that folder holds the prompt alone, and names its base.

    Restarted with the same arguments after a kill, the run goes on from its last checkpoint, and on CPU ends with
    bitwise the same weights. `base` says which model this is, by names and fingerprints of the caller's (default: a
    hash of its weights); a run goes on with the same one only. `tokenizer` is saved with the model (default: the one in
    the folder it was loaded from). `begin` is called once it is sure that the folder may be written to. `card` writes
    the model card, given `facts=` of the run; `say` gets lines for the person at the terminal.

    Under torchrun every process calls this alike, inside of `world()`, whose processes are `here`, and with a model in
    host memory (`load_to_train`): it is moved or sharded from there.

    Raises `TrainError` for a run folder of another model, other settings or data, when `resume` is off and there is
    something to resume, for rows that the model cannot read, for a step without labelled tokens or with a loss that is
    not finite, and when the disk fails; and `Stopped` after SIGTERM or Ctrl-C, when a checkpoint has been saved.
    """
    if rows.row_length != config.row_length:
        raise TrainError(f"rows of {rows.row_length} tokens, but row_length is {config.row_length}")
    with nullcontext(here) if here else world() as joined, _owned(run, joined):
        told = say if joined.is_main else _quiet
        model_is = base or joined.on_main(lambda: {"base model": weights_fingerprint(model)})
        now = identity(rows, config, model_is, joined.device)
        if done := joined.on_main(lambda: _look(run, now, resume, told)):
            return done
        if begin and joined.is_main:
            begin()
        trainer = Trainer(model, rows, config, run, joined, now, told, tokenizer)
        try:
            return trainer.run_to_end(on_progress if joined.is_main else None, card)
        finally:
            trainer.metrics.close()


@contextmanager
def _owned(run: Path, here: World) -> Iterator[None]:
    """The run folder, while the block runs, as this run's own."""
    with ExitStack() as stack:
        here.on_main(lambda: stack.enter_context(locked(run, "openflan train")))
        yield


def _look(run: Path, now: Mapping[str, Any], resume: bool, say: Callable[[str], None]) -> TrainResult | None:
    """The result of a run that has ended and whose model is whole; raises `TrainError` for the folder of another run.

    A run whose model is damaged is taken back, to be ended again.
    """
    checkpoints = checkpoints_in(run)
    try:
        if done := finished(run, now, resume):
            return done
    except DamageError as damaged:
        check_folder(run, now)
        reopen(run, damaged, bool(checkpoints), say)
    if checkpoints and not resume:
        raise TrainError(f"{run} holds checkpoints of an earlier run; resume it, or choose another run folder")
    check_folder(run, now)
    return None


def _quiet(_: str) -> None:
    """Takes the place of `say` on all processes but the main one."""
