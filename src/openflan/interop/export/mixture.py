"""A mixture written out for a tool that trains.

OUT/
    data/train-00000.jsonl   the examples in mixture order, in shards
    …                        the tool's own configuration
    README.md                columns, shares, licences, and the command
    export.json              what the examples follow from, and how many there are; written last
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openflan.data.mixture import Mixture
from openflan.data.stream import Stream
from openflan.errors import OpenflanError
from openflan.files import locked, write_text
from openflan.interop.export.card import page
from openflan.interop.export.examples import COLUMNS, Exported, exported
from openflan.interop.export.shards import write_shards
from openflan.interop.export.target import Job, Target
from openflan.sums import write_sealed
from openflan.tasks.card import Card
from openflan.wording import counted

MANIFEST = "export.json"
UNFINISHED = ".unfinished"


@dataclass
class Written:
    """What was written: examples by task, tokens, those that spell control tokens, and the tool's command."""

    folder: Path
    remark: str
    command: str = ""
    licences: dict[str, str] = field(default_factory=dict)
    drawn: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    labelled: int = 0
    controls: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return self.drawn.total()

    def add(self, one: Exported) -> None:
        """Count an example."""
        self.drawn[one.columns["task"]] += 1
        self.tokens += one.tokens
        self.labelled += sum(one.columns["completion_mask"])
        self.controls += one.spells_controls

    @property
    def in_words(self) -> str:
        """How much there is, and where."""
        tokens = f": {self.tokens:,} tokens, {self.labelled:,} labelled" if self.tokens else ""
        return f"{counted(self.examples, 'example')} of {counted(len(self.drawn), 'task')} in {self.folder}{tokens}"

    @property
    def notes(self) -> list[str]:
        """What a reader has to know, in sentences."""
        notes = [*self.said]
        if self.controls:
            notes.append(
                f"Control tokens of the tokenizer are spelled in {counted(self.controls, 'example')}. They are plain "
                "text in training and in `input_ids`; a tool that tokenizes the text itself reads control tokens."
            )
        notes += [f"Left out: {reason} ({counted(count, 'time')})." for reason, count in self.dropped.most_common()]
        return notes


def write_mixture(
    stream: Stream,
    mixture: Mixture,
    target: Target,
    job: Job,
    *,
    examples: int,
    tokens: int | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Written:
    """Write the first `examples` of a mixture for a tool, until `tokens` tokens are reached where that is given.

    `on_progress` gets the number in the mixture. Raises `OpenflanError` for a folder that has other files in it.
    """
    written = Written(job.folder, target.remark)
    columns: dict[str, str] = {}

    def rows() -> Iterator[dict[str, Any]]:
        for one in exported(stream, mixture, examples, tokens):
            written.add(one)
            on_progress(one.columns["number"] + 1)
            row = target.row(one)
            columns.update((name, COLUMNS.get(name, "the example as the tool takes it")) for name in row)
            yield row

    with claimed(job.folder):
        write_shards(rows(), job.data, target.kind)
        written.command, written.dropped = target.command(job), stream.dropped
        for name, text in target.files(job).items():
            write_text(job.folder / name, text)
        cards = cards_of(mixture)
        written.licences = {card.name: card.licence for card in cards}
        text = page(
            f"{job.recipe.name} for {target.name}", command=written.command, remark=written.remark, columns=columns,
            drawn=written.drawn, cards=cards, notes=written.notes,
        )  # fmt: skip
        write_text(job.folder / "README.md", text)
        write_manifest(target.name, written, stream.identity)
    return written


def write_manifest(to: str, written: Written, identity: Mapping[str, str]) -> None:
    """Say what an export follows from; the last file of one, by which it is known to be whole."""
    note = {"to": to, "examples": written.examples, "licences": written.licences, "identity": dict(identity)}
    write_sealed(written.folder / MANIFEST, note)


def cards_of(mixture: Mixture) -> list[Card]:
    """The cards of a mixture's datasets, each once."""
    return list({part.rows.task.card.name: part.rows.task.card for part in mixture.parts}.values())


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Write an export to a folder while the block runs: one that is new, empty, or was stopped half way.

    Raises `OpenflanError` for any other, so that nothing of anyone's is written over.
    """
    mark = folder / UNFINISHED
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if there - {".lock"} and not mark.exists():
        raise OpenflanError(f"{folder} has files already; name another folder, or remove it")
    with locked(folder, "openflan export"):
        mark.touch()
        for left in folder.iterdir():
            if left.name not in (UNFINISHED, ".lock"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
        mark.unlink()
