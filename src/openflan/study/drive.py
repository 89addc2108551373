"""Driving a study: its cells are handed to an executor, and their folders watched until all have ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from openflan.errors import RecipeError
from openflan.study.cells import CELLS, PLAN, STUDY, Cell, all_units, expand
from openflan.study.claims import Status, read_progress, read_status
from openflan.study.costs import Costs, corrected
from openflan.study.executors import Executor, Resources
from openflan.study.executors.jobs import Job, run_jobs
from openflan.study.executors.script import cell_command
from openflan.study.spec import Study, load_study
from openflan.study.units import Unit
from openflan.study.work import is_done


@dataclass(frozen=True)
class PlannedStudy:
    """A study in its folder: its cells, where their units lie, and what each was forecast to take."""

    study: Study
    folder: Path
    store: Path
    cells: Sequence[Cell]
    costs: Costs

    @cached_property
    def units(self) -> list[Unit]:
        """Everything there is to do, each thing once."""
        return all_units(self.cells)

    def cell(self, cell: Cell) -> Path:
        """A cell's folder."""
        return self.folder / CELLS / cell.name

    def is_done(self, unit: Unit) -> bool:
        """Whether a unit is done."""
        return is_done(unit, self.store)

    def is_finished(self, cell: Cell) -> bool:
        """Whether all that a cell needs is done."""
        return all(self.is_done(unit) for unit in cell.units)

    def status(self, cell: Cell) -> Status:
        """A cell's state; it is done when its units are, whichever cell they were done for."""
        return Status("done") if self.is_finished(cell) else read_status(self.cell(cell))


@dataclass(frozen=True)
class Standing:
    """How far a study is: seconds of work by the forecast, put right by what was measured, and what runs now."""

    done: float
    left: float
    cells_done: int
    cells: int
    running: Mapping[str, str]


def open_study(folder: Path) -> PlannedStudy:
    """The study in a folder; raises `RecipeError` where there is none."""
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        study, store = load_study(folder / STUDY), (folder / plan["store"]).resolve()
    except (OSError, ValueError, KeyError) as fault:
        raise RecipeError(
            f"{folder} holds no study ({fault}); begin one with `openflan study NAME --out {folder}`"
        ) from None
    return PlannedStudy(study, folder, store, expand(study, str(folder / STUDY)), plan["costs"])


def drive(
    planned: PlannedStudy, executor: Executor, resources: Resources, watch: Callable[[Standing], None]
) -> dict[str, int]:
    """Have every cell that is not finished done; returns how each of them ended, by its name."""
    left = {cell.name: planned.cell(cell) for cell in planned.cells if not planned.is_finished(cell)}
    jobs = {name: Job(cell_command(folder, resources.gpus), folder) for name, folder in left.items()}
    return run_jobs(executor, jobs, resources, lambda: watch(standing(planned)))


def standing(planned: PlannedStudy) -> Standing:
    """How far a study is, from its folders alone."""
    states = {unit.place: read_status(planned.store / unit.place) for unit in planned.units}
    finished = {unit.place for unit in planned.units if planned.is_done(unit)}
    left = corrected(planned.costs, {place: states[place].seconds for place in finished})
    running = {place: read_progress(planned.store / place) for place, state in states.items() if state.is_alive}
    for place, (share, _) in running.items():
        left[place] = left.get(place, 0.0) * (1 - share)
    return Standing(
        done=sum(planned.costs.get(place, 0.0) for place in finished),
        left=sum(left.get(unit.place, 0.0) for unit in planned.units if unit.place not in finished),
        cells_done=sum(planned.is_finished(cell) for cell in planned.cells),
        cells=len(planned.cells),
        running={place: told for place, (_, told) in running.items()},
    )
