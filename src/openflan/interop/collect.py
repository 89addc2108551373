"""Other collections' tasks written as cards of one's own, with what is to be known of them before they are used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openflan.data.example import Example
from openflan.data.foreign import foreign_writers
from openflan.data.rows import Role, load_rows
from openflan.data.sources import RowSource
from openflan.errors import MissingRowsError, OpenflanError, SchemaError
from openflan.files import write_text
from openflan.tasks.card import CHECKED, Card
from openflan.tasks.collections import card_values, natural_instructions
from openflan.tasks.collections.promptsource_rows import UNKNOWN_KIND
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task, load_catalog
from openflan.yamlfile import dump_yaml

ROWS = 100
"""Rows of a dataset on which its templates are tried."""

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Tried:
    """What a foreign template made of some rows: how many it put, and why not the others."""

    dataset: str
    template: str
    kept: int
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class Imported:
    """What an import wrote, and what it found: datasets by name.

    `without_kind` are in the miscellaneous cluster, since nobody has said what kind of task they are; `without_rows`
    could not be tried, with the reason.
    """

    out: Path
    cards: int
    templates: int
    without_licence: tuple[str, ...] = ()
    without_kind: tuple[str, ...] = ()
    tried: list[Tried] = field(default_factory=list)
    without_rows: dict[str, str] = field(default_factory=dict)

    @property
    def unfilled(self) -> list[Tried]:
        """Templates that no row filled."""
        return [one for one in self.tried if not one.kept]


def import_collection(
    kind: str,
    folder: Path,
    out: Path,
    source: RowSource | None = None,
    on_card: Callable[[int, str], None] = lambda number, name: None,
) -> Imported:
    """Write a collection's tasks as cards into `out`, and rows that they bring along into `out/rows`.

    With a `source`, foreign templates are tried on its rows. Raises `OpenflanError` for a folder that has files
    already, and `CardError`.
    """
    if out.is_dir() and any(out.iterdir()):
        raise OpenflanError(f"{out} has files already; name another folder, or remove this one to import anew")
    values = card_values(kind, folder, load_catalog())
    cards = [Card.model_validate(one, context=CHECKED) for one in values]
    found = Imported(
        out,
        len(cards),
        sum(len(card.templates) + len(card.foreign) for card in cards),
        tuple(card.name for card in cards if UNKNOWN in card.licence),
        tuple(card.name for card in cards if card.cluster == UNKNOWN_KIND and not card.subcluster),
    )
    for number, (card, one) in enumerate(zip(cards, values, strict=True)):
        on_card(number, card.name)
        _write(one, out)
        if source and card.foreign:
            _try(card, source, found)
    return found


def _write(values: Mapping[str, Any], out: Path) -> None:
    """A card, its rows beside it where they stand in a file of their own."""
    sources = [{key: value for key, value in one.items() if key != "file"} for one in values.get("sources", ())]
    for one in values.get("sources", ()):
        if "file" in one:
            _write_rows(Path(one["file"]), values, out / "rows" / str(values["name"]))
    changed = {**values, "sources": sources} if sources else dict(values)
    write_text(out / f"{values['name']}.yaml", dump_yaml(changed))


def _write_rows(path: Path, values: Mapping[str, Any], folder: Path) -> None:
    split = str(values["splits"]["test"]).partition("[")[0]
    rows = natural_instructions.of_split(natural_instructions.instances(path), split)
    lines = (json.dumps({name: row.get(name) for name in ("input", "output")}, ensure_ascii=False) for row in rows)
    write_text(folder / f"{split}.jsonl", "".join(f"{line}\n" for line in lines))


def _try(card: Card, source: RowSource, found: Imported) -> None:
    task = Task(card, card.variant_names[0])
    role: Role = "train" if any("train" in layout.splits for layout in task.layouts) else "test"
    try:
        rows = load_rows(task, role, source, limit=ROWS)
    except (MissingRowsError, SchemaError) as fault:
        found.without_rows[card.name] = str(fault)
        return
    examples = rows.examples(range(min(ROWS, len(rows))))
    found.tried.extend(tried(task, examples))


def tried(task: Task, examples: Sequence[Example]) -> Iterator[Tried]:
    """What each foreign template of a task makes of some examples."""
    for writer in foreign_writers(task):
        dropped: Counter[str] = Counter()
        for example in examples:
            try:
                writer.write(example)
            except SkipRow as reason:
                dropped[str(reason)] += 1
        yield Tried(task.name, writer.name, len(examples) - dropped.total(), dropped)
