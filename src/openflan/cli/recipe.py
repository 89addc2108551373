"""The arguments of every verb that takes a recipe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openflan.recipe import Recipe


def add_recipe_arguments(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """A recipe file, or none for the defaults unless it is `required`, and changes to it."""
    parser.add_argument(
        "recipe", nargs=None if required else "?", help="a recipe file, or the name of one that comes with openflan"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="change a key of the recipe, as in --set train.steps=100 (repeatable)",
    )  # fmt: skip


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe that the arguments name, with their changes applied."""
    from openflan.recipe import load_recipe

    return load_recipe(options.recipe and Path(options.recipe), options.changes)
