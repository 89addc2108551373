"""`openflan show`: a dataset's prompts on real rows, with the labelled part marked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from openflan.data.prompt import Prompt, Writer
from openflan.data.rows import Role, load_rows
from openflan.data.settings import PRESETS
from openflan.data.sources import parse_source
from openflan.errors import UnknownNameError
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task, load_catalog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("dataset", help="a dataset, or dataset:variant; with --packed a recipe")
    parser.add_argument("--packed", action="store_true", help="packed training rows of a recipe: what sees what")
    parser.add_argument("--variant", default="", help="one of the dataset's variants")
    parser.add_argument("--template", help="a template's number from 0, or baseline, plain or name (default: all)")
    parser.add_argument("--bare", action="store_true", help="without the OPTIONS block")
    parser.add_argument("--rows", type=int, default=1, help="how many rows (default: 1)")
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
    name = f"{options.dataset}:{options.variant}" if options.variant else options.dataset
    task = load_catalog(*options.cards).tasks(name)[0]
    chosen = _writers(task, options.template, options.bare)
    roles = {role for layout in task.layouts for role in layout.splits}
    role: Role = options.split or ("test" if "test" in roles else "train")
    rows = load_rows(task, role, parse_source(options.source), carve=options.carve)
    prompts: list[Prompt] = []
    for example in rows.examples(range(min(options.rows, len(rows)))):
        for writer in chosen:
            try:
                prompts.append(writer.write(example))
            except SkipRow as reason:
                prompts.append(Prompt(task.name, writer.name, example.row, f"({reason})", ""))
    if options.json:
        from openflan.cli.terminal import print_json

        print_json([as_data(prompt) for prompt in prompts])
        return
    _print(prompts, rows.origin)


def as_data(prompt: Prompt) -> dict[str, object]:
    """A prompt as plain data."""
    return {
        "dataset": prompt.dataset,
        "writer": prompt.writer,
        "block": prompt.block,
        "row": prompt.row,
        "input": prompt.input,
        "target": prompt.target,
        "options": list(prompt.options),
        "references": list(prompt.references),
        "inverted": prompt.inverted,
    }


def _writers(task: Task, template: str | None, bare: bool) -> Sequence[Writer]:
    if template is not None and template in PRESETS:
        if not (found := PRESETS[template].writers_of(task)):
            raise UnknownNameError(f"{task.name} has no {template} prompt")
        return found
    found = PRESETS["bare" if bare else "options"].writers_of(task)
    if template is None:
        return found
    if chosen := [writer for writer in found if writer.name == template]:
        return chosen
    raise UnknownNameError(
        f"{task.name} has no template {template!r}; use 0 to {len(task.card.templates) - 1}, baseline, plain or name"
    )


def _title(prompt: Prompt) -> str:
    return f"template {prompt.writer}" if prompt.writer.isdecimal() else prompt.writer


def _print(prompts: list[Prompt], origin: str) -> None:
    from rich.text import Text

    from openflan.cli.terminal import out

    for prompt in prompts:
        kind = ", inverted" if prompt.inverted else ""
        out.print(Text(f"── {prompt.dataset} · {_title(prompt)}{kind} · row {prompt.row} of {origin}", "dim"))
        out.print(Text(prompt.input), soft_wrap=True)
        out.print(Text.assemble(("▶ ", "bold green"), (prompt.target, "bold black on green")), soft_wrap=True)
        out.print()
    out.print(
        Text("▶ marks what is labelled: the model is trained to write it, and the options are ranked there.", "dim")
    )
