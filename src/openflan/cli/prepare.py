"""`openflan prepare`: a mixture rendered, tokenized and packed to disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--out", type=Path, help="where the rows go (default: prepared/<recipe's name>)")
    parser.add_argument("--rows", type=int, help="packed rows to make (default: those of the recipe's training run)")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")


def run(options: argparse.Namespace) -> None:
    """Prepare; what is there already is kept."""
    recipe = recipe_of(options)

    from openflan.api.data import load_mixture
    from openflan.api.training import check_model
    from openflan.cli.terminal import escape, out, progress
    from openflan.data.prepared import prepare
    from openflan.data.shards import Counts
    from openflan.study.stream import MIXTURE, about_mixture, make_stream
    from openflan.sums import write_sealed

    folder = options.out or Path("prepared") / recipe.name
    model = check_model(recipe)
    mixture = load_mixture(recipe.data).mixture
    stream = make_stream(recipe, model, mixture)
    rows = options.rows or recipe.train.total_steps * recipe.train.rows_per_step
    with progress("rows") as bar:
        line = bar.add_task("preparing", total=rows)

        def show(done: Counts) -> None:
            bar.update(line, completed=min(done.rows, rows))

        made = prepare(stream, rows, folder, workers=options.workers, on_progress=show)
    write_sealed(folder / MIXTURE, about_mixture(mixture))  # not before it is sure that the folder is this mixture's
    out.print(
        f"{made.rows:,} rows of {recipe.train.row_length:,} tokens in {folder}: {made.filled:,} tokens, "
        f"{made.labelled:,} labelled, {made.fill:.2%} of the positions filled"
    )
    for reason, count in made.dropped.most_common():
        out.print(f"  left out {count:,} of {made.drawn:,} examples drawn: {escape(reason)}")
    out.print(f"Train on them with: openflan train … --prepared {folder}")
