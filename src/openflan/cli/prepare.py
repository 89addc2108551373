"""`openflan prepare`: a mixture rendered, tokenized and packed to disk."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.executor import add_executor_arguments
from openflan.cli.numbers import a_count
from openflan.cli.recipe import add_recipe_arguments, recipe_of

if TYPE_CHECKING:
    from openflan.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--out", type=Path, help="where the rows go (default: prepared/<recipe's name>)")
    parser.add_argument(
        "--rows", type=a_count, help="packed rows to make (default: those of the recipe's training run)"
    )
    parser.add_argument("--workers", type=a_count, help="processes (default: one per core)")
    parser.add_argument("--part", type=a_part, metavar="I/N", help="make one of N parts only, on one process")
    parser.add_argument("--parts", type=a_count, help="have so many parts made by the executor, then add the rest")
    add_executor_arguments(parser, "who makes the parts: processes here", "cpu")


def a_part(text: str) -> tuple[int, int]:
    """`2/8`, the second of eight parts."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part; write 1/8, …, 8/8")
    return int(part), int(parts)


def run(options: argparse.Namespace) -> None:
    """Prepare; what is there already is kept."""
    recipe = recipe_of(options)  # a wrong key is told before anything heavy is imported

    from openflan.api.prepare import prepare, prepared_folder
    from openflan.cli.terminal import escape, out, tell
    from openflan.wording import counted

    folder = options.out or prepared_folder(recipe)
    if options.parts:
        _in_parts(recipe, folder, options)
    made = prepare(recipe, folder, rows=options.rows, workers=options.workers, part=options.part, say=tell)
    out.print(
        f"{counted(made.rows, 'row')} of {recipe.train.row_length:,} tokens in {folder}: {made.filled:,} tokens, "
        f"{made.labelled:,} labelled, {made.fill:.2%} of the positions filled"
    )
    for reason, count in made.dropped.most_common():
        out.print(f"  left out {count:,} of {counted(made.drawn, 'example')} drawn: {escape(reason)}")
    out.print(f"Train on them with: openflan train … --prepared {folder}")


def _in_parts(recipe: Recipe, folder: Path, options: argparse.Namespace) -> None:
    from openflan.api.prepare import prepare_in_parts
    from openflan.api.studies import read_settings

    settings = read_settings(options.settings)
    prepare_in_parts(recipe, folder, options.parts, executor=options.executor, settings=settings, rows=options.rows)
