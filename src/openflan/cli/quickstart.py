"""`openflan quickstart`: the recipe `quickstart`, on bundled rows and a small real model."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("--out", type=Path, default=Path("runs/quickstart"), help="the run folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")


def run(options: argparse.Namespace) -> None:
    """Run the recipe."""
    from openflan.cli.run import run_and_tell
    from openflan.recipe import load_recipe

    run_and_tell(load_recipe("quickstart", options.set), options.out)
