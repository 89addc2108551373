"""`openflan show`: a dataset's prompts on real rows, with the labelled part marked."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.numbers import a_count

if TYPE_CHECKING:
    from openflan.data.prompt import Prompt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("dataset", help="a dataset, or dataset:variant; with --packed a recipe")
    parser.add_argument("--packed", action="store_true", help="packed training rows of a recipe: what sees what")
    parser.add_argument("--variant", default="", help="one of the dataset's variants")
    parser.add_argument("--template", help="a template's number from 0, or baseline, plain or name (default: all)")
    parser.add_argument("--bare", action="store_true", help="without the OPTIONS block")
    parser.add_argument("--rows", type=a_count, default=1, help="how many rows (default: 1)")
    parser.add_argument("--split", choices=("train", "dev", "test"), help="which rows (default: test, else train)")
    parser.add_argument("--source", default="samples", help="samples, mirror:DIR or hub, or several with commas")
    parser.add_argument("--carve", action="store_true", help="cut a split the source lacks out of another one")
    parser.add_argument("--cards", action="append", default=[], type=Path, help="a card or folder of cards of your own")
    parser.add_argument("--json", action="store_true", help="print a list of prompts as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the prompts, or packed rows."""
    if options.packed:
        from openflan.cli.packed import show_packed
        from openflan.recipe import load_recipe

        show_packed(load_recipe(options.dataset), options.rows)
        return
    from openflan.api.data import as_data, show

    prompts = show(
        f"{options.dataset}:{options.variant}" if options.variant else options.dataset,
        template=options.template,
        rows=options.rows,
        source=options.source,
        split=options.split,
        bare=options.bare,
        carve=options.carve,
        cards=options.cards,
    )
    if options.json:
        from openflan.cli.terminal import print_json

        print_json([as_data(prompt) for prompt in prompts])
    else:
        _print(prompts, prompts.origin)


def _print(prompts: Iterable[Prompt], origin: str) -> None:
    from rich.text import Text

    from openflan.api.data import headline
    from openflan.cli.terminal import out

    for prompt in prompts:
        out.print(Text(f"{headline(prompt)} of {origin}", "dim"))
        out.print(Text(prompt.input), soft_wrap=True)
        out.print(Text.assemble(("▶ ", "bold green"), (prompt.target, "bold black on green")), soft_wrap=True)
        out.print()
    out.print(
        Text("▶ marks what is labelled: the model is trained to write it, and the options are ranked there.", "dim")
    )
