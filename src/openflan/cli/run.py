"""`openflan run`: a recipe from the untuned model to the report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.evaluate.results import Results
    from openflan.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--out", type=Path, help="the run folder (default: runs/<recipe's name>)")


def run(options: argparse.Namespace) -> None:
    """Run the recipe."""
    recipe = recipe_of(options)
    pipeline(recipe, options.out or Path("runs") / recipe.name)


def pipeline(recipe: Recipe, folder: Path) -> None:
    """Measure the untuned model, tune it, measure it again, and write the report; goes on where it was stopped."""
    from openflan.cli import mix
    from openflan.cli.measuring import fetch_model, measure_with_progress, print_comparison, tune
    from openflan.cli.terminal import escape, out
    from openflan.evaluate.results import BASELINE, TUNED, UNTUNED
    from openflan.report.page import write_report
    from openflan.study.run import Run, measured_tasks
    from openflan.train.card import add_results

    unseen, seen = measured_tasks(recipe)
    tasks = list({task.name: task for task in [*unseen, *seen]}.values())
    run = Run(recipe, folder, fetch_model(recipe.model.path))
    run.begin()
    selection, rows, mixture = mix.load(recipe)
    mix.print_table(selection, rows, mixture, recipe.data.rate_cap)

    def measure(name: str) -> Results:
        how, model = run.subject(name)
        return measure_with_progress(how, model, name, run.evaluation(name), tasks)

    results = [measure(BASELINE), measure(UNTUNED)]
    tune(run, mixture)
    results.append(measure(TUNED))
    report = write_report(folder)
    add_results(run.tuned / "README.md", report.findings)
    print_comparison(results)
    for title, sentences in report.findings.items():
        out.print(f"\n[bold]{title}[/bold]", *(f"- {escape(text)}" for text in sentences), sep="\n")
    out.print(f"\nThe tuned model is in {run.tuned}, every scored prompt in {folder / 'eval'}.\nReport: {report.page}")
