"""Doing a cell's work: unit by unit, each by whoever has claimed it, and none twice.

A unit that another process is at is left to it, and the cell goes on with what else it needs; only when nothing is left
but what others do does it wait. So any number of processes, on any number of machines, can work on one study.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from openflan.data.mixture import Mixture
from openflan.data.prepared import prepare
from openflan.data.select import make_mixture, select, training_rows
from openflan.data.shards import Counts
from openflan.errors import OpenflanError, Stopped
from openflan.evaluation.loop import EvalProgress
from openflan.evaluation.results import PROMPTS
from openflan.files import LockedError
from openflan.model.default import resolve
from openflan.recipe import ModelConfig
from openflan.study.cells import read_cell
from openflan.study.claims import BusyError, claimed, read_status, report_progress
from openflan.study.measure import measure
from openflan.study.plan import plan_measuring
from openflan.study.run import MIXTURE, Run, about_mixture
from openflan.study.units import Unit
from openflan.sums import write_sealed
from openflan.tasks.registry import Task
from openflan.training.parallel import is_main_process
from openflan.training.result import TrainProgress
from openflan.training.saved import MODEL, expect_as_saved
from openflan.training.stopping import exit_status, stop_signals

_PAUSE = 1.0
"""Seconds between two looks at what others are doing."""

_SAY_EVERY = 2.0
"""Seconds between two notes on how far a unit is."""

Say = Callable[[str], None]


class UnfinishedError(OpenflanError):
    """What a cell needs could not be done."""


def work_on_cell(folder: Path, say: Say, gpus: int = 1) -> None:
    """Do all that the cell in a folder needs and that is not done yet, on so many GPUs.

    Raises `Stopped` where it was told to stop, and what the work itself raises; its state is in its folder.
    """
    units, store = read_cell(folder)
    if read_status(folder).state == "done" and all(is_done(unit, store) for unit in units):
        return

    def work(unit: Unit) -> None:
        if gpus > 1 and unit.kind != "rows":
            _spread(unit, folder, gpus)
        else:
            do(unit, store, say)

    while True:
        try:
            with claimed(folder):
                _work(units, store, say, work)
            return
        except BusyError:
            if read_status(folder).state == "done":
                return
            time.sleep(_PAUSE)


def is_done(unit: Unit, store: Path) -> bool:
    """Whether a unit has been done, and what it left is still there."""
    return read_status(store / unit.place).state == "done" and _has_left(unit, store)


def _has_left(unit: Unit, store: Path) -> bool:
    left = {"evaluation": PROMPTS, "training": MODEL, "rows": MIXTURE}[unit.kind]
    return (store / unit.place / left).exists()


def _work(units: Sequence[Unit], store: Path, say: Say, work: Callable[[Unit], None]) -> None:
    """Do the units in order, passing over those that others are at as long as there is something else to do."""
    left = list(units)
    while left := [unit for unit in left if not is_done(unit, store)]:
        missing = {unit.place for unit in left}
        ready = [unit for unit in left if not missing.intersection(unit.needs)]
        if not any(_attempt(unit, store, say, work) for unit in ready):
            time.sleep(_PAUSE)


def _attempt(unit: Unit, store: Path, say: Say, work: Callable[[Unit], None]) -> bool:
    """Do a unit, unless somebody else is at it; says whether it was done."""
    try:
        with claimed(store / unit.place) as before:
            if before.state != "done" or not _has_left(unit, store):
                say(f"{unit.kind} {unit.id}")
                work(unit)
    except (BusyError, LockedError):
        return False
    return True


def do(unit: Unit, store: Path, say: Say) -> None:
    """Do one unit; every process of a group calls this alike."""
    {"rows": _prepare, "training": _train, "evaluation": _evaluate}[unit.kind](unit, store, say)


def _model(unit: Unit, store: Path) -> Path:
    """The model that a unit starts from; raises `ModelError` for a trained one that is not what was saved."""
    if not unit.start:
        return resolve(unit.recipe.model.path)
    training = store / "trainings" / unit.start
    expect_as_saved(training)
    return training / MODEL


def _run(unit: Unit, store: Path) -> Run:
    recipe = unit.recipe
    if unit.start:
        named = ModelConfig(f"trainings/{unit.start}/{MODEL}", recipe.model.dtype)
        recipe = recipe.model_copy(update={"model": named})
    return Run(recipe, store / unit.place, _model(unit, store))


def _mixture(unit: Unit) -> Mixture:
    return make_mixture(unit.recipe.data, training_rows(unit.recipe.data, select(unit.recipe.data).train))


def _prepare(unit: Unit, store: Path, say: Say) -> None:
    folder, note = store / unit.place, _Notes(store / unit.place)
    mixture, config = _mixture(unit), unit.recipe.train
    rows = config.total_steps * config.rows_per_step

    def show(done: Counts) -> None:
        note(min(done.rows, rows), rows, f"preparing {done.rows:,} of {rows:,} rows")

    prepare(_run(unit, store).stream(mixture), rows, folder, workers=1, on_progress=show)
    write_sealed(folder / MIXTURE, about_mixture(mixture))


def _train(unit: Unit, store: Path, say: Say) -> None:
    note = _Notes(store / unit.place)

    def show(now: TrainProgress) -> None:
        note(now.step, now.steps, f"tuning, loss {now.loss:.3f}, {now.tokens_per_second:,.0f} tokens/s")

    prepared = store / "rows" / unit.rows if unit.rows else None
    _run(unit, store).tune(_mixture(unit), show, say, prepared=prepared)


def _evaluate(unit: Unit, store: Path, say: Say) -> None:
    note, model = _Notes(store / unit.place), _model(unit, store)

    def show(now: EvalProgress) -> None:
        note(now.done, now.total, f"measuring {now.task}, {now.rate:,.1f} answers/s")

    plan, encoder = plan_measuring(unit.recipe, model, tasks_of(unit))
    measure(unit.recipe, model, unit.id, store / unit.place, plan, encoder, show)


def tasks_of(unit: Unit) -> list[Task]:
    """What an evaluation measures."""
    catalog = unit.recipe.data.catalog()
    return [task for name in unit.recipe.evaluate.tasks for task in catalog.tasks(name)]


def _spread(unit: Unit, cell: Path, gpus: int) -> None:
    """Do a unit with one process a GPU; raises `Stopped` and `UnfinishedError` for how they ended."""
    group = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus)]
    command = [*group, "-m", "openflan", "study", "unit", str(cell), unit.place]
    with stop_signals() as told, subprocess.Popen(command) as running:
        while (status := running.poll()) is None:
            if stopped := exit_status(told()):
                running.terminate()  # which has each of them save what it has
                running.wait()
                raise Stopped(f"stopped in {unit.place}", stopped)
            time.sleep(_PAUSE)
    if status in (130, 143):
        raise Stopped(f"stopped in {unit.place}", status)
    if status:
        raise UnfinishedError(f"{unit.place} ended with status {status}; its messages are above")


class _Notes:
    """Notes in a folder on how far its work is: not more of them than people look at."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._last = folder, 0.0

    def __call__(self, done: float, total: float, told: str) -> None:
        """Write one, if the last is old enough."""
        if is_main_process() and time.monotonic() - self._last >= _SAY_EVERY:
            report_progress(self._folder, done, total, told)
            self._last = time.monotonic()
