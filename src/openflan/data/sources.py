"""Where rows come from: the bundled samples, a mirror folder, the Hugging Face hub. One schema for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from openflan.data.hub import HubSource
from openflan.data.tables import differences, joined, named_labels, read_jsonl, read_parquet
from openflan.errors import MissingRowsError, RecipeError, SchemaError
from openflan.tasks.card import Source
from openflan.tasks.registry import Task

SAMPLES = Path(__file__).parent.parent / "samples"


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
    layout: Source
    origin: str
    corpus: str

    def splits(self) -> list[str]:
        """The names of the splits at hand."""
        ...

    def table(self, split: str) -> pa.Table:
        """The rows of a split, label ids replaced by names; raises `SchemaError` or `MissingRowsError`."""
        ...


def parse_source(spec: str) -> RowSource:
    """Read `samples`, `mirror:DIR` or `hub`, or several of them joined by commas, as in `mirror:rows,hub`.

    Of several, the first that has a dataset serves it. Raises `RecipeError`.
    """
    sources = [_single_source(part.strip(), spec) for part in spec.split(",")]
    return sources[0] if len(sources) == 1 else FirstOf(sources)


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

    Rows that are there in another layout than the card's are an error, not a reason to go on: who put them there means
    them to be used.
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


class MirrorSource:
    """A folder with a folder per dataset, and in it a Parquet or JSONL file (or Parquet shards) per split."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name

    def open(self, task: Task) -> OpenTask:
        """Find the dataset's folder and the layout its files have."""
        named = [layout.mirror for layout in task.layouts if layout.mirror]
        candidates = list(dict.fromkeys([*named, task.folder, task.card.name]))
        folder = next((self.root / name for name in candidates if (self.root / name).is_dir()), None)
        files = _split_files(folder) if folder else {}
        if folder is None or not files:
            raise MissingRowsError(f"{task.name}: {self._what_to_do(task, candidates, folder)}")
        tables = {split: _read(paths) for split, paths in sorted(files.items())}
        return _MirrorTask(task, _fitting_layout(task, tables, folder), folder, tables)

    def _what_to_do(self, task: Task, candidates: list[str], folder: Path | None) -> str:
        if folder and (others := sorted(path.name for path in folder.iterdir())):
            return f"no Parquet or JSONL file in {folder}, only {', '.join(others[:5])}"
        folders = " or ".join(f"{name}/" for name in candidates)
        layout = task.layouts[0]
        splits = ", ".join(dict.fromkeys(part.split for part in layout.splits.values()))
        columns = ", ".join(f"{name}: {kind}" for name, kind in layout.columns.items())
        get = task.card.access or f"Write {splits} there, as Parquet or JSONL files with the columns {columns}."
        return f"no rows in {self.root} (looked for {folders}). {get}"


class _MirrorTask:
    def __init__(self, task: Task, layout: Source, folder: Path, tables: Mapping[str, pa.Table]) -> None:
        self.task, self.layout, self._tables = task, layout, tables
        self.origin, self.corpus = str(folder), folder.name

    def splits(self) -> list[str]:
        return list(self._tables)

    def table(self, split: str) -> pa.Table:
        return named_labels(self._tables[split], self.layout)


def _split_files(folder: Path) -> dict[str, list[Path]]:
    """Split name → its files; `train-00000-of-00002.parquet` is a shard of `train`."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".parquet", ".jsonl"):
            files.setdefault(path.stem.split("-0")[0], []).append(path)
    return files


def _read(paths: list[Path]) -> pa.Table:
    if len({path.suffix for path in paths}) > 1:
        raise SchemaError(f"{' and '.join(map(str, paths))}: one split, two kinds of files; remove one of them")
    if paths[0].suffix == ".jsonl":
        return joined([read_jsonl(path) for path in paths], str(paths[0]))
    return read_parquet(paths)


def _fitting_layout(task: Task, tables: Mapping[str, pa.Table], folder: Path) -> Source:
    """The first of the card's layouts that the files have, rather one whose splits are all there.

    Only the splits that a layout reads are looked at; where it reads none of them, all are.
    """
    faults = []
    for layout in task.layouts:
        named = {part.split for part in layout.splits.values()}
        read = [split for split in tables if split in named] or list(tables)
        faults.append([f"{split}: {fault}" for split in read for fault in differences(tables[split], layout)])
    fitting = [layout for layout, found in zip(task.layouts, faults, strict=True) if not found]
    if fitting:
        whole = (layout for layout in fitting if all(part.split in tables for part in layout.splits.values()))
        return next(whole, fitting[0])
    closest = min(faults, key=len)
    raise SchemaError(f"{task.name}: the rows in {folder} are not in the card's layout:\n  " + "\n  ".join(closest))
