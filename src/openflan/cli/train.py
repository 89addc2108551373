"""`openflan train`: finetune a model on a mixture."""

from __future__ import annotations

import argparse
from pathlib import Path

from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--out", type=Path, help="the run folder (default: runs/<recipe's name>)")
    parser.add_argument("--prepared", type=Path, help="rows made by `openflan prepare` (used when they match)")
    parser.add_argument(
        "--without-rows", action="store_true", help="the prepared rows are all there is: no datasets here"
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", default=True, help="go on from the last checkpoint (default)")
    again.add_argument("--no-resume", action="store_false", dest="resume", help="refuse a folder that holds a run")


def run(options: argparse.Namespace) -> None:
    """Train, and save a plain Hugging Face folder to `<run folder>/model`."""
    from openflan.cli import mix
    from openflan.cli.measuring import fetch_model, tune
    from openflan.cli.terminal import out
    from openflan.study.run import Run

    recipe = recipe_of(options)
    run = Run(recipe, options.out or Path("runs") / recipe.name, fetch_model(recipe.model.path))
    run.begin()
    mixture = None
    if not options.without_rows:
        selection, rows, mixture = mix.load(recipe)
        mix.print_table(selection, rows, mixture, recipe.data.rate_cap)
    tune(run, mixture, resume=options.resume, prepared=options.prepared)
    out.print(f"The tuned model is in {run.tuned}; transformers loads it as it is.")
