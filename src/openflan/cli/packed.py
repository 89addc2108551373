"""Packed training rows as a person can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openflan.recipe import Recipe


def show_packed(recipe: Recipe, count: int) -> None:
    """Print the first rows of a recipe's training stream, example by example, the labelled part marked."""
    from rich.text import Text

    from openflan.api.prepare import packed_examples
    from openflan.cli.terminal import out
    from openflan.wording import counted

    for number, row in enumerate(packed_examples(recipe, count)):
        filled, length = row[-1].last + 1, recipe.train.row_length
        out.print(Text(f"══ row {number}: {counted(len(row), 'example')}, {filled} of {length} positions", "bold"))
        for place, one in enumerate(row, start=1):
            labelled = f"{one.start} to {one.last} are labelled"
            seen = f"positions {one.first} to {one.last} see each other, each those before it"
            out.print(Text(f"── example {place}: {seen}; {labelled}", "dim"))
            written = Text(one.labelled, "bold black on green")
            out.print(Text.assemble(one.read, ("▶", "bold green"), written), soft_wrap=True)
