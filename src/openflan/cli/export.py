"""`openflan export`: a recipe's mixture, or what it measures, in the files of another tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from openflan.cli.numbers import a_count
from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    from openflan.api.export import MEASURES, TRAINERS

    add_recipe_arguments(parser, required=True)
    parser.add_argument("--to", required=True, choices=(*TRAINERS, *MEASURES), help="the tool to write for")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder that the files go to")
    parser.add_argument("--examples", type=a_count, help="examples to write (default: one round of the mixture)")
    parser.add_argument("--tokens", type=a_count, help="stop when there are so many tokens")


def run(options: argparse.Namespace) -> None:
    """Write the files and print what they hold, licences included."""
    from openflan.api.export import export
    from openflan.cli.terminal import escape, out

    recipe = recipe_of(options)
    made = export(recipe, options.to, options.out, examples=options.examples, tokens=options.tokens)
    out.print(escape(made.in_words))
    for note in made.notes:
        out.print(escape(note), soft_wrap=True)
    for name, licence in made.licences.items():
        out.print(f"  [bold]{name}[/bold]: {escape(licence)}", soft_wrap=True)
    out.print(f"Use it with: {escape(made.command)}", soft_wrap=True)
