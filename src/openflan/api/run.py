"""A whole run: measure the untuned model, tune it, measure it again, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.api.data import MixtureView, load_mixture
from openflan.api.evaluation import Evaluation, evaluate_recipe, tasks_to_measure
from openflan.api.training import TrainedRun, check_model, check_to_train, train_recipe
from openflan.evaluation.results import BASELINE, TUNED, UNTUNED
from openflan.files import locked
from openflan.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from openflan.report.page import Report
    from openflan.tasks.registry import Task


@dataclass(frozen=True)
class FinishedRun:
    """A run folder with all that a run leaves in it."""

    folder: Path
    mixture: MixtureView
    trained: TrainedRun
    evaluations: dict[str, Evaluation]
    report: Report | None


Hook = Callable[[str], None]


def run(
    recipe: Recipe | str | Path,
    out: str | Path | None = None,
    *,
    silent: bool = False,
    say: Hook | None = None,
    on_mixture: Callable[[MixtureView], None] | None = None,
) -> FinishedRun:
    """Run a recipe (or the file, or the name of one that comes with openflan) in the folder `out`, `runs/NAME` if None.

    Started again on the same folder, it goes on where it was. `on_mixture` gets the mixture before anything long
    begins. Raises what the steps raise: `RecipeError`, `MissingRowsError`, `ModelError`, `TrainError`, `ResultsError`.

    >>> small = of.load_recipe("quickstart").replace(
    ...     model={"path": "tiny"},
    ...     data={"tasks": ["copa"]},
    ...     train={"tokens": None, "steps": 2, "tokens_per_step": 512, "row_length": 256, "adapter": None},
    ...     format={"join": "eos", "input_length": 200, "target_length": 32},
    ...     evaluate={"tasks": ["sst2"], "seen": [], "rows": 2, "templates": [0], "generate": "none"},
    ... )
    >>> list(of.run(small, "runs/small", silent=True).evaluations)
    ['untuned-baseline', 'untuned', 'tuned']
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    folder = Path(out) if out else Path("runs") / recipe.name
    tasks = tasks_to_measure(recipe)
    check_to_train(recipe)
    model = check_model(recipe, silent=silent)
    mix = load_mixture(recipe.data, silent=silent)
    with _owned(folder):
        return _run(recipe, folder, model, mix, tasks, silent=silent, say=say, on_mixture=on_mixture)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """The run folder as this run's own from its first file to its last; under torchrun the first process holds it."""
    with locked(folder, "openflan run") if os.environ.get("RANK", "0") == "0" else nullcontext():
        yield


def _run(
    recipe: Recipe,
    folder: Path,
    model: Path,
    mix: MixtureView,
    tasks: Sequence[Task],
    *,
    silent: bool,
    say: Hook | None,
    on_mixture: Callable[[MixtureView], None] | None,
) -> FinishedRun:
    from openflan.study.run import Run
    from openflan.training.card import add_results
    from openflan.training.parallel import is_main_process

    steps = Run(recipe, folder, model)
    steps.check(mix.mixture)
    if on_mixture:
        on_mixture(mix)

    def measure(name: str, asked: Sequence[Task] = tasks) -> Evaluation:
        how, measured = steps.how_to_measure(name)
        return evaluate_recipe(how, measured, asked, steps.evaluation(name), name=name, silent=silent)

    # A card of the user's own need not say how GPT-3 would be asked.
    with_own_prompt = [task for task in tasks if task.card.baseline is not None]
    evaluations = {BASELINE: measure(BASELINE, with_own_prompt)} if with_own_prompt else {}
    evaluations[UNTUNED] = measure(UNTUNED)
    trained = train_recipe(recipe, mix.mixture, folder, silent=silent, say=say)
    evaluations[TUNED] = measure(TUNED)
    report = write_report(folder) if is_main_process() else None
    if report is not None:
        add_results(Path(trained.model) / "README.md", report.findings)
    return FinishedRun(folder, mix, trained, evaluations, report)


def write_report(folder: str | Path) -> Report:
    """Write `report.html` and `summary.json` for all that was measured in a run or evaluation folder.

    Raises `ResultsError` where there is nothing.

    >>> scores = of.evaluate("tiny", "copa", rows=2, templates=(0,), out="eval/reported", silent=True)
    >>> of.write_report("eval/reported").page.name
    'report.html'
    """
    from openflan.report.page import write_report as write

    return write(Path(folder))
