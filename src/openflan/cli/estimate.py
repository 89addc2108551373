"""`openflan estimate`: whether a run fits, and how long it takes, from the model's configuration alone."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from openflan.cli.numbers import a_count
from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--gpus", type=a_count, default=1, help="how many devices (default: 1)")
    parser.add_argument("--gpu", help="their kind, h200 for instance (default: this machine's CPU)")
    parser.add_argument(
        "--shape", help="a shape that comes with openflan instead of the recipe's model: lamda-137b, llama-8b"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> int:
    """Print memory, tokens and time with the assumptions behind them; exit status 1 when it does not fit."""
    recipe = recipe_of(options)

    from openflan.api.prepare import estimate
    from openflan.cli.terminal import out, print_json

    found = estimate(recipe, gpu=options.gpu, gpus=options.gpus, shape=options.shape)
    if options.json:
        print_json(asdict(found))
    else:
        for line in found.lines():
            out.print(line)
        out.print("Assumed: " + "; ".join(found.assumptions))
    return int(found.fits is False)
