"""`openflan mix`: the table of a mixture before anything runs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from openflan.cli.numbers import a_count
from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.api.data import MixtureView


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--examples", type=a_count, help="draws to plan for (default: one round of the mixture)")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the mixture's table."""
    recipe = recipe_of(options)

    from openflan.api.data import load_mixture
    from openflan.cli.terminal import print_json

    mix = load_mixture(recipe.data)
    if options.json:
        print_json([asdict(share) for share in mix.mixture.shares(options.examples)])
    else:
        print_mixture(mix, options.examples)


def print_mixture(mix: MixtureView, examples: int | None = None) -> None:
    """Print what is drawn how often, what was left out, and what is missing."""
    from openflan.api.data import share_table
    from openflan.api.views import shown
    from openflan.cli.terminal import escape, out, table
    from openflan.wording import counted

    shares = share_table(mix.mixture, mix.config, examples)
    cells = [[shown(cell) for cell in row] for row in shares.rows]
    leave = [shares.columns.index(name) for name in ("unusable", "templates", "epochs", "cluster", "rate")]
    numbers = range(shares.columns.index("rows"), len(shares.columns))
    out.print(table(shares.title, shares.columns, cells, numbers=numbers, leave=leave))
    for note in shares.notes:
        out.print(escape(note))
    for part in mix.rows.parts:
        for reason, count in part.skipped.most_common():
            out.print(f"  {part.task.name}: {counted(count, 'row')} left out: {escape(reason)}")
    for sentence in mix.hold_out_in_words:
        out.print(escape(sentence))
    for message in mix.missing.values():
        out.print(f"[yellow]Missing:[/yellow] {escape(message)}")
