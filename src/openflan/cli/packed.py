"""Packed training rows as a person can read them."""

from __future__ import annotations

from openflan.recipe import Recipe


def show_packed(recipe: Recipe, count: int) -> None:
    """Print the first rows of a recipe's training stream, example by example, the labelled part marked."""
    from rich.text import Text

    from openflan.api.data import load_mixture
    from openflan.api.progress import fetch_model
    from openflan.cli.terminal import out
    from openflan.study.stream import make_stream

    mixture = load_mixture(recipe.data).mixture
    stream = make_stream(recipe, fetch_model(recipe.model.path), mixture)
    decode = stream.encoder.tokenizer.decode
    rows = stream.rows(0)
    for number in range(min(count, len(rows))):
        row = list(rows[number : number + 1].sequences())
        filled = sum(len(sequence.tokens) for sequence in row)
        out.print(Text(f"══ row {number}: {len(row)} examples, {filled} of {stream.row_length} positions", "bold"))
        first = 0
        for example, (tokens, start) in enumerate(row, start=1):
            last = first + len(tokens) - 1
            labelled = f"{first + start} to {last} are labelled"
            seen = f"── example {example}: positions {first} to {last} see each other, each those before it; {labelled}"
            out.print(Text(seen, "dim"))
            read = Text(decode(tokens[:start], skip_special_tokens=False))
            written = Text(decode(tokens[start:], skip_special_tokens=False), "bold black on green")
            out.print(Text.assemble(read, ("▶", "bold green"), written), soft_wrap=True)
            first = last + 1
