"""Where rows come from: the bundled samples, a mirror folder, the Hugging Face hub. One schema for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from openflan.data.hub import HubSource
from openflan.data.mirror import MirrorSource as MirrorSource
from openflan.data.taskfile import own_file
from openflan.errors import MissingRowsError, RecipeError
from openflan.tasks.card import Source
from openflan.tasks.registry import SAMPLES as SAMPLES
from openflan.tasks.registry import Task

_COMMA = re.compile(r",(?=\s*(?:samples|hub|mirror:.*)\s*(?:,|$))")
"""A comma before another source; any other one belongs to a folder's name."""


class RowSource(Protocol):
    """A place with rows of many datasets."""

    @property
    def name(self) -> str:
        """As a recipe writes it: `samples`, `mirror:DIR` or `hub`."""
        ...

    def open(self, task: Task) -> OpenTask:
        """Find a dataset's rows; raises `MissingRowsError` or `SchemaError`."""
        ...


class OpenTask(Protocol):
    """A dataset found in a source, in one of its card's layouts.

    `origin` says where, for people; `corpus` names the rows wherever they stand.
    """

    task: Task
    origin: str
    corpus: str

    @property
    def layout(self) -> Source:
        """The card's layout that the rows have; raises `SchemaError` where they have none."""
        ...

    def splits(self) -> list[str]:
        """The names of the splits at hand."""
        ...

    def files(self) -> Mapping[str, Sequence[Path]]:
        """The files of every split, in which its rows can be read as they stand; empty where there are none."""
        ...

    def table(self, split: str) -> pa.Table:
        """The rows of a split, label ids replaced by names; raises `SchemaError` or `MissingRowsError`."""
        ...


def parse_source(spec: str) -> RowSource:
    """Read `samples`, `mirror:DIR` or `hub`, or several of them joined by commas, as in `mirror:rows,hub`.

    Of several, the first that has a dataset serves it. A comma within a folder's name is part of the name. Raises
    `RecipeError`.
    """
    if spec.startswith("mirror:") and Path(spec.removeprefix("mirror:")).expanduser().is_dir():
        return OwnFileFirst(_single_source(spec, spec))
    sources = [_single_source(part.strip(), spec) for part in _COMMA.split(spec)]
    return OwnFileFirst(sources[0] if len(sources) == 1 else FirstOf(sources))


class OwnFileFirst:
    """A source, save for tasks that bring their rows along."""

    def __init__(self, source: RowSource) -> None:
        self._source, self.name = source, source.name

    def open(self, task: Task) -> OpenTask:
        """The task's own file, or what the source has; raises `MissingRowsError` or `SchemaError`."""
        return own_file(task) or self._source.open(task)


def _single_source(written: str, spec: str) -> RowSource:
    kind, _, place = written.partition(":")
    if kind == "samples" and not place:
        return MirrorSource(SAMPLES, "samples")
    if kind == "mirror" and place:
        folder = Path(place).expanduser()
        if not folder.is_dir():
            raise RecipeError(f"no folder of rows at {folder} (source {spec!r})")
        return MirrorSource(folder, written)
    if kind == "hub" and not place:
        return HubSource()
    raise RecipeError(
        f"{written!r} is no source; use samples, mirror:DIR or hub, or several of them, as in mirror:DIR,hub"
    )


class FirstOf:
    """Several sources as one: a dataset's rows come from the first that has any of them.

    Rows that are there in another layout than the card's are an error, not a reason to try the next source: whoever put
    them there meant them to be used.
    """

    def __init__(self, sources: Sequence[RowSource]) -> None:
        self._sources = sources
        self.name = ",".join(source.name for source in sources)

    def open(self, task: Task) -> OpenTask:
        """Find the dataset's rows; raises `MissingRowsError` with what every source said, or `SchemaError`."""
        faults: list[str] = []
        for source in self._sources:
            try:
                return source.open(task)
            except MissingRowsError as fault:
                faults.append(str(fault))
        raise MissingRowsError("\n  ".join(faults))
