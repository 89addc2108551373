"""`openflan licences`: what a mixture rests on."""

from __future__ import annotations

import argparse

from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print licence and citation of every dataset the recipe trains on."""
    from openflan.cli.terminal import escape, out, print_json
    from openflan.data.select import select

    recipe = recipe_of(options)
    cards = {task.card.name: task.card for task in select(recipe.data).train}.values()
    if options.json:
        print_json([{"name": card.name, "licence": card.licence, "citation": card.citation} for card in cards])
        return
    for card in cards:
        out.print(f"[bold]{card.name}[/bold]: {escape(card.licence)}", soft_wrap=True)
        out.print(f"    {escape(card.citation)}", soft_wrap=True)
    out.print("\nA model tuned on this mixture rests on all of these; unknown means that nobody stated one.")
