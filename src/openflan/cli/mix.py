"""`openflan mix`: the table of a mixture before anything runs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.data.mixture import Mixture
    from openflan.data.select import LoadedRows, Selection
    from openflan.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--examples", type=int, help="draws to plan for (default: one round of the mixture)")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the mixture's table."""
    from openflan.cli.terminal import print_json

    recipe = recipe_of(options)
    selection, rows, mixture = load(recipe)
    if options.json:
        print_json([asdict(share) for share in mixture.shares(options.examples)])
        return
    print_table(selection, rows, mixture, recipe.data.rate_cap, options.examples)


def load(recipe: Recipe) -> tuple[Selection, LoadedRows, Mixture]:
    """Select the recipe's tasks and load their training rows, with a progress bar."""
    from openflan.cli.terminal import progress
    from openflan.data.select import make_mixture, select, training_rows

    selection = select(recipe.data)
    with progress("datasets") as bar:
        line = bar.add_task("reading rows", total=len(selection.train))
        rows = training_rows(recipe.data, selection.train, lambda _: bar.advance(line))
    return selection, rows, make_mixture(recipe.data, rows)


def print_table(
    selection: Selection, rows: LoadedRows, mixture: Mixture, rate_cap: int, examples: int | None = None
) -> None:
    """Print what is drawn how often, what was left out, and what is missing."""
    from openflan.cli.terminal import escape, out, table

    shares = mixture.shares(examples)
    cells = [
        (
            share.cluster,
            share.name,
            f"{share.rows:,}",
            f"{share.skipped:,}" if share.skipped else "",
            f"{share.rate:,}",
            f"{share.probability:.2%}",
            share.templates,
            f"{share.draws:,.0f}",
            f"{share.epochs:.2f}",
        )
        for share in shares
    ]
    columns = ("cluster", "dataset", "rows", "unusable", "rate", "share", "templates", "draws", "epochs")
    out.print(table("Mixture", columns, cells, numbers=range(2, 9)))
    out.print(
        f"{len(shares)} datasets, {sum(share.rows for share in shares):,} rows; one round is {mixture.round:,} draws; "
        f"rate = min(rows, {rate_cap:,}); fingerprint {mixture.fingerprint}"
    )
    if len(settings := shares[0].settings) > 1 or "options" not in settings:
        out.print("Prompts are put as: " + ", ".join(f"{name} {share:.0%}" for name, share in settings.items()))
    for part in rows.parts:
        for reason, count in part.skipped.most_common():
            out.print(f"  {part.task.name}: {count:,} rows left out: {escape(reason)}")
    if selection.left_out:
        names = ", ".join(f"{name} ({reason})" for name, reason in selection.left_out.items())
        out.print(f"Not trained on: {names}")
    for message in rows.missing.values():
        out.print(f"[yellow]Missing:[/yellow] {escape(message)}")
