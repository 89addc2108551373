"""`openflan run`: a recipe from the untuned model to the report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--out", type=Path, help="the run folder (default: runs/<recipe's name>)")


def run(options: argparse.Namespace) -> None:
    """Run the recipe."""
    run_and_tell(recipe_of(options), options.out)


def run_and_tell(recipe: Recipe, out: Path | None) -> None:
    """Run a recipe and print what came of it."""
    from openflan.api.evaluation import compare
    from openflan.api.run import run as run_recipe
    from openflan.cli.mix import print_mixture
    from openflan.cli.terminal import escape, tell
    from openflan.cli.terminal import out as console
    from openflan.cli.train import print_trained

    done = run_recipe(recipe, out, say=tell, on_mixture=print_mixture)
    print_trained(done.trained)
    *_, before, after = done.evaluations.values()
    console.print(compare(before, after))
    if done.report is not None:
        for title, sentences in done.report.short.items():
            console.print(f"\n[bold]{title}[/bold]", *(f"- {escape(text)}" for text in sentences), sep="\n")
        console.print(
            f"\nThe tuned model is in {done.trained.model}, every scored prompt in {done.folder / 'eval'}.\n"
            f"Report: {done.report.page}"
        )
