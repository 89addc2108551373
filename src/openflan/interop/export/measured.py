"""What a recipe measures, written out for a tool that measures.

OUT/
    data/NAME.jsonl   the prompts of one task, split, setting and template
    …                 the tool's own tasks
    README.md         columns, counts, licences, and the command
    export.json       what the prompts follow from; written last
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from openflan.data.encode import Encoder
from openflan.data.stream import tokenizer_fingerprint
from openflan.errors import MissingRowsError
from openflan.files import write_text
from openflan.interop.export import inspect, lm_eval
from openflan.interop.export.card import page
from openflan.interop.export.mixture import Written, claimed, write_manifest
from openflan.interop.export.prompts import COLUMNS, Asked, asked
from openflan.recipe import Recipe
from openflan.tasks.registry import Task


@dataclass(frozen=True)
class Measure:
    """A tool that measures: how a group of prompts is written, and the command that asks them all."""

    name: str
    write: Callable[[Path, Asked, int], None]
    command: Callable[[Path, Path], str]
    remark: str


MEASURES: Mapping[str, Measure] = {
    lm_eval.NAME: Measure(lm_eval.NAME, lm_eval.write, lm_eval.command, lm_eval.REMARK),
    inspect.NAME: Measure(inspect.NAME, inspect.write, inspect.command, inspect.REMARK),
}
"""The tools that held-out prompts are written for, by name."""


def write_measured(
    recipe: Recipe,
    tasks: Sequence[Task],
    encoder: Encoder,
    target: Measure,
    folder: Path,
    model: Path,
    on_progress: Callable[[str], None] = lambda name: None,
) -> Written:
    """Write the prompts of a recipe's evaluation for a tool; `on_progress` gets the name of each group.

    Raises `OpenflanError` for a folder that has other files in it, and `MissingRowsError` where no task has rows.
    """
    cards = list({task.card.name: task.card for task in tasks}.values())
    licences = {card.name: card.licence for card in cards}
    written = Written(folder, target.remark, target.command(folder, model), licences)
    with claimed(folder):
        for group in asked(recipe, tasks, encoder, written.said):
            on_progress(group.name)
            target.write(folder, group, recipe.evaluate.max_tokens)
            written.drawn[group.task.name] += len(group.rows)
        if not written.drawn:
            raise MissingRowsError("nothing can be measured:\n" + "\n".join(f"- {note}" for note in written.said))
        text = page(
            f"{recipe.name} for {target.name}", command=written.command, remark=written.remark, columns=COLUMNS,
            drawn=written.drawn, cards=cards, notes=written.notes,
        )  # fmt: skip
        write_text(folder / "README.md", text)
        identity = {"tokenizer": tokenizer_fingerprint(encoder), "format": repr(encoder.format)}
        write_manifest(target.name, written, {**identity, "evaluate": repr(asdict(recipe.evaluate))})
    return written
