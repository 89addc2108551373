"""`openflan train`: finetune a model on a mixture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.api.training import TrainedRun


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
    recipe = recipe_of(options)

    from openflan.api.data import load_mixture
    from openflan.api.training import check_model, check_to_train, train_recipe
    from openflan.cli.mix import print_mixture
    from openflan.cli.terminal import out, tell

    check_to_train(recipe, without_rows=options.without_rows)
    check_model(recipe)  # before the rows are read, which takes longer
    mixture = None
    if not options.without_rows:
        mix = load_mixture(recipe.data)
        print_mixture(mix)
        mixture = mix.mixture
    folder = options.out or Path("runs") / recipe.name
    trained = train_recipe(recipe, mixture, folder, resume=options.resume, prepared=options.prepared, say=tell)
    print_trained(trained)
    library = recipe.train.adapter.library if recipe.train.adapter else "transformers"
    out.print(f"The tuned model is in {trained.model}; {library} loads it as it is.")


def print_trained(trained: TrainedRun) -> None:
    """Say how long a run was, what its last loss was, and what it left out."""
    from openflan.api.progress import duration
    from openflan.cli.terminal import escape, out
    from openflan.wording import counted

    result = trained.result
    out.print(
        f"Tuned for {counted(result.step, 'step')} ({result.tokens:,} tokens, {result.labelled:,} labelled) in "
        f"{duration(result.seconds)}; last loss {result.loss:.3f}"
    )
    dropped = trained.dropped
    for what, count in sorted(dropped.left_out.items(), key=lambda item: -item[1]):
        out.print(f"  left out {count:,} of {counted(dropped.drawn, 'example')} drawn: {escape(what)}")
