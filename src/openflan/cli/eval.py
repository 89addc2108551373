"""`openflan eval`: measure any Hugging Face model on held-out tasks."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    from openflan.evaluation.baselines import MODEL_BASELINES

    parser.add_argument("model", help="a Hugging Face model folder, a run folder, or the small model by its name")
    add_recipe_arguments(parser)
    parser.add_argument("--tasks", nargs="+", help="presets, clusters or datasets (default: what the recipe holds out)")
    parser.add_argument("--source", help="samples, mirror:DIR or hub, or several with commas (default: the recipe's)")
    parser.add_argument(
        "--join", choices=("eos", "newline", "space", "chat"),
        help="how input and target are joined (default: as the model was tuned, else the recipe's)",
    )  # fmt: skip
    parser.add_argument(
        "--as", dest="baseline", choices=MODEL_BASELINES, help="as one of the paper's untuned baselines"
    )
    lines = "reference lines: majority, random, or a column of the paper's tables (flan_zero_avg, …)"
    parser.add_argument("--against", nargs="+", default=[], metavar="LINE", help=lines)
    parser.add_argument("--settings", nargs="+", help="how prompts are put: options, bare, baseline, plain, name")
    parser.add_argument("--shots", type=int, help="exemplars before each query, in every setting")
    parser.add_argument("--rows", type=int, help="most test rows per dataset")
    parser.add_argument("--name", help="what the model is called in tables (default: its folder's name)")
    parser.add_argument("--out", type=Path, help="where the scores go (default: runs/eval-<name>)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(options: argparse.Namespace) -> int:
    """Evaluate; what is scored already is not scored again. Exit status 1 when a prompt could not be scored."""
    options.changes = [*options.changes, *_changes(options)]
    recipe = _asked_as(recipe_of(options), options)

    from openflan.api.evaluation import evaluate_recipe, tuned_model
    from openflan.api.progress import fetch_model
    from openflan.cli.terminal import out, print_json, tell
    from openflan.errors import RecipeError
    from openflan.evaluation.analysis.references import references
    from openflan.model.folder import model_name
    from openflan.report.tables import summary_table
    from openflan.study.measure import in_its_format, rows_of
    from openflan.study.tasks import measured_tasks

    tasks = measured_tasks(recipe).all()
    if not tasks:
        raise RecipeError("nothing to measure: name tasks with --tasks, or a recipe that holds something out")
    model = tuned_model(fetch_model(options.model))
    if not _says_format(options):
        recipe, told = in_its_format(recipe, model)
        if told:
            tell(f"{told}; --join says otherwise")
    name = options.name or model_name(model)
    done = evaluate_recipe(recipe, model, tasks, options.out or Path("runs") / f"eval-{name}", name=name)
    summaries = [done.summary(setting) for setting in done.settings]
    if options.json:
        print_json({summary.setting: summary.to_dict() for summary in summaries})
    else:
        against = references(options.against, tasks, rows_of(recipe))
        for summary in summaries:
            out.print(summary_table(summary, against))
        out.print(f"Every scored prompt: {done.results.path}")
    return int(any(task.failures for summary in summaries for task in summary.tasks))


def _says_format(options: argparse.Namespace) -> bool:
    """Whether the person at the terminal chose how input and target are joined."""
    chosen = ("format.join", "format.chat")
    return bool(options.join or options.baseline) or any(change.startswith(chosen) for change in options.changes)


def _asked_as(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """The recipe with the settings of a named baseline, and with so many exemplars in each."""
    from openflan.data.settings import PRESETS
    from openflan.evaluation.baselines import MODEL_BASELINES

    settings, shots = recipe.evaluate.settings, options.shots
    if baseline := MODEL_BASELINES.get(options.baseline):
        settings = {baseline.setting: PRESETS[baseline.setting]}
        shots = baseline.shots if shots is None else shots
    if shots is not None:
        settings = {name: replace(one, shots=replace(one.shots, count=shots)) for name, one in settings.items()}
    return recipe.model_copy(update={"evaluate": replace(recipe.evaluate, settings=settings)})


def _changes(options: argparse.Namespace) -> list[str]:
    """The verb's own options as changes to the recipe."""
    from openflan.evaluation.baselines import MODEL_BASELINES

    baseline = MODEL_BASELINES.get(options.baseline)
    given = {
        "evaluate.tasks": options.tasks and f"[{', '.join(options.tasks)}]",
        "evaluate.seen": "[]" if options.tasks else None,
        "data.source": options.source,
        "format.join": options.join or (baseline and baseline.join),
        "evaluate.settings": options.settings and f"[{', '.join(options.settings)}]",
        "evaluate.rows": options.rows,
    }
    return [f"{key}={value}" for key, value in given.items() if value is not None]
