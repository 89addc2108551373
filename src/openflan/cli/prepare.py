"""`openflan prepare`: a mixture rendered, tokenized and packed to disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from openflan.cli.numbers import a_count
from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--out", type=Path, help="where the rows go (default: prepared/<recipe's name>)")
    parser.add_argument(
        "--rows", type=a_count, help="packed rows to make (default: those of the recipe's training run)"
    )
    parser.add_argument("--workers", type=a_count, help="processes (default: one per core)")


def run(options: argparse.Namespace) -> None:
    """Prepare; what is there already is kept."""
    recipe = recipe_of(options)  # a wrong key is told before anything heavy is imported

    from openflan.api.prepare import prepare, prepared_folder
    from openflan.cli.terminal import escape, out, tell
    from openflan.wording import counted

    folder = options.out or prepared_folder(recipe)
    made = prepare(recipe, folder, rows=options.rows, workers=options.workers, say=tell)
    out.print(
        f"{counted(made.rows, 'row')} of {recipe.train.row_length:,} tokens in {folder}: {made.filled:,} tokens, "
        f"{made.labelled:,} labelled, {made.fill:.2%} of the positions filled"
    )
    for reason, count in made.dropped.most_common():
        out.print(f"  left out {count:,} of {counted(made.drawn, 'example')} drawn: {escape(reason)}")
    out.print(f"Train on them with: openflan train … --prepared {folder}")
