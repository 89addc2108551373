"""`openflan recipes`: the recipes that come with openflan, to look at and to make one's own."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("name", nargs="?", help="print this recipe, comments and all")
    parser.add_argument("--copy", metavar="NAME", help="write a recipe to a file of your own, ./NAME.yaml or --out")
    parser.add_argument("--out", type=Path, help="where the copy goes")


def run(options: argparse.Namespace) -> None:
    """List, print or copy recipes."""
    from openflan.cli.terminal import out
    from openflan.recipe import copy_recipe, find_recipe, load_recipe, packaged_recipes

    if options.copy:
        target = copy_recipe(options.copy, options.out)
        out.print(f"{target} is yours to change; openflan run {target} runs it")
    elif options.name:
        print(find_recipe(Path(options.name)).read_text(encoding="utf-8"), end="")
    else:
        for name in packaged_recipes():
            out.print(f"[bold]{name}[/bold]  {load_recipe(name).description}", soft_wrap=True)
