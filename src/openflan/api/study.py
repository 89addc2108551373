"""Studies: planning one, doing its cells, and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.progress import bar, duration, fetch_model
from openflan.recipe import ModelConfig

if TYPE_CHECKING:
    from openflan.report.studies.page import StudyReport
    from openflan.study.drive import PlannedStudy, Standing
    from openflan.study.executors.choose import Kind
    from openflan.study.spec import Study


def plan_study(
    place: str | Path,
    out: Path | None = None,
    changes: Sequence[str] = (),
    *,
    store: Path | None = None,
    silent: bool = False,
) -> PlannedStudy:
    """Expand a study to cells, forecast what each costs, and write all of it to `out` (`runs/studies/NAME` if None).

    `store` is where trainings and evaluations lie; studies that name the same share what they have in common. Raises
    `RecipeError`, `OverlapError`, `UnknownNameError` and `ModelError`.
    """
    from openflan.study.cells import all_units, expand, write_plan
    from openflan.study.costs import forecast
    from openflan.study.drive import PlannedStudy
    from openflan.study.spec import load_study

    study = load_study(place, changes)
    folder = out or Path("runs") / "studies" / study.name
    kept = (store or folder).resolve()
    _fetch_models(study, silent=silent)
    cells = expand(study, str(place))
    units = all_units(cells)
    with bar("forecasting", len(units), silent=silent) as move:
        numbers = iter(range(len(units)))
        costs = forecast(units, lambda unit: move(next(numbers), title=f"forecasting {unit.kind}s"))
    write_plan(study, cells, folder, kept, costs)
    return PlannedStudy(study, folder, kept, cells, costs)


def run_study(
    planned: PlannedStudy,
    *,
    slots: int | None = None,
    gpus: int | None = None,
    executor: Kind = "local",
    settings: Mapping[str, Any] | None = None,
    silent: bool = False,
) -> dict[str, int]:
    """Do all cells of a study; returns how each that was not finished ended, by name.

    On this machine (`local`) a cell takes `gpus` GPUs (one, where there are any), or one of the processor's `slots`.
    `slurm` submits a job for each cell, with `submitit`'s parameters as `settings`; `ray` runs each as a task, with
    those of `ray.init`. Raises `RecipeError` for settings that the executor does not have.
    """
    from openflan.study.drive import drive
    from openflan.study.executors.choose import choose

    longest = max((sum(planned.costs.get(unit.place, 0.0) for unit in cell.units) for cell in planned.cells), default=0)
    pool, needed = choose(executor, planned.folder, slots=slots, gpus=gpus, longest=longest, settings=settings or {})
    with pool, _watching(silent=silent) as show:
        return drive(planned, pool, needed, show)


def report_study(folder: Path) -> StudyReport:
    """Write the page and the tables of a study from what its folder holds; raises `RecipeError` and `ResultsError`."""
    from openflan.report.studies.page import write_study_report
    from openflan.study.drive import open_study

    return write_study_report(open_study(folder))


def _fetch_models(study: Study, *, silent: bool) -> None:
    """Have every model that the study names at hand, with a bar where one has to be fetched."""
    sections = [study.changes_of(axis, value) for axis in study.axes for value in study.values(axis)]
    named = [section["model"]["path"] for section in sections if "path" in (section.get("model") or {})]
    for model in named or [(study.common.get("model") or {}).get("path", ModelConfig.path)]:
        fetch_model(model, silent=silent)


@contextmanager
def _watching(*, silent: bool) -> Iterator[Callable[[Standing], None]]:
    """A bar over the whole study, with what runs now and the time left by what was measured so far."""
    with bar("study", 1.0, silent=silent) as move:

        def show(now: Standing) -> None:
            running = "; ".join(told for told in now.running.values() if told)
            left = f"{now.cells_done} of {now.cells} cells, about {duration(now.left)} left"
            move(now.done, now.done + now.left, f"{left}  {running}")

        yield show
