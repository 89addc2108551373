"""The long steps of a run with their progress bars: fetching the model, tuning, measuring."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from openflan.cli.terminal import err, escape, out

if TYPE_CHECKING:
    from openflan.data.mixture import Mixture
    from openflan.evaluate.analysis.summary import Summary
    from openflan.evaluate.loop import Progress as EvalProgress
    from openflan.evaluate.results import Results
    from openflan.recipe import Recipe
    from openflan.report.tables import References
    from openflan.study.run import Run
    from openflan.tasks.registry import Task
    from openflan.train.loop import Progress as TrainProgress


def fetch_model(model: str) -> Path:
    """The folder of the model a recipe names; the small one is fetched on first use."""
    from transformers.utils import logging

    from openflan.model.default import resolve

    # Bars and warnings of the libraries underneath would run into our own.
    quiet: Callable[[], None] = logging.disable_progress_bar
    quiet()
    warnings.simplefilter("ignore", FutureWarning)
    with _bar() as bar:
        line = bar.add_task("fetching the small model", total=None, visible=False)
        return resolve(model, lambda have, total: bar.update(line, completed=have, total=total, visible=True))


def tune(run: Run, mixture: Mixture | None, *, resume: bool = True, prepared: Path | None = None) -> None:
    """Train, showing loss, tokens a second and time left."""
    steps = run.recipe.train.total_steps
    with _bar() as bar:
        line = bar.add_task("tuning", total=steps)

        def show(now: TrainProgress) -> None:
            told = f"tuning: loss {now.loss:.3f}, {now.tokens_per_second:,.0f} tokens/s, {_time(now.seconds_left)} left"
            bar.update(line, completed=now.step, total=now.steps, description=told)

        result = run.tune(mixture, show, lambda text: err.print(escape(text)), resume=resume, prepared=prepared)
    out.print(
        f"Tuned for {result.step:,} steps ({result.tokens:,} tokens, {result.labelled:,} labelled) in "
        f"{_time(result.seconds)}; last loss {result.loss:.3f}"
    )
    note = run.folder / "dropped.json"
    dropped = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
    for what, count in sorted(dropped.items(), key=lambda item: -item[1]):
        out.print(f"  left out {count:,} times: {escape(what)}")


def measure_with_progress(recipe: Recipe, model: Path, name: str, folder: Path, tasks: Sequence[Task]) -> Results:
    """Evaluate a model, showing dataset, rate and time left."""
    from openflan.study.run import measure

    with _bar() as bar:
        line = bar.add_task(f"measuring {name}", total=None)

        def show(now: EvalProgress) -> None:
            left = "" if now.seconds_left is None else f", {_time(now.seconds_left)} left"
            told = f"measuring {name}: {now.task}, {now.rate:,.1f} answers/s{left}"
            bar.update(line, completed=now.done, total=now.total, description=told)

        return measure(recipe, model, name, folder, tasks, show)


def print_summary(summary: Summary, against: References) -> None:
    """The table of one evaluated model, beside reference lines."""
    from openflan.report.tables import summary_table

    out.print(summary_table(summary, against))


def print_comparison(results: Sequence[Results]) -> None:
    """The last model held against the one before it, on the same prompts."""
    from openflan.evaluate.analysis.comparison import compare
    from openflan.report.tables import comparison_table

    out.print(comparison_table([compare(results[-2], results[-1])]))


def _bar() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
