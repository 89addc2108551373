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
    from openflan.api.catalog import recipe_licences
    from openflan.cli.terminal import escape, out, print_json

    found = recipe_licences(recipe_of(options))
    if options.json:
        print_json([{"name": one["dataset"], "licence": one["licence"], "citation": one["citation"]} for one in found])
        return
    for one in found:
        out.print(f"[bold]{one['dataset']}[/bold]: {escape(one['licence'])}", soft_wrap=True)
        out.print(f"    {escape(one['citation'])}", soft_wrap=True)
    out.print("\n" + "\n".join(found.notes))
