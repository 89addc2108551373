"""Rows from the Hugging Face hub: found through `datasets`, read as Parquet, and kept.

A copy on the hub is looked up once. Its commit and its files are then written to `copy.json` in a folder of the cache,
and every split that was read is kept beside it as one Parquet file. From then on the rows stay the same, and a kept
split needs no network; remove the folder to fetch the copy again.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from openflan.data.order import hash64, permutation
from openflan.data.tables import differences, named_labels, read_parquet
from openflan.errors import MissingRowsError, OpenflanError, SchemaError
from openflan.files import cache, replacing, write_json
from openflan.tasks.card import Hub, Source
from openflan.tasks.registry import Task

SPLIT_LIMIT = 120_000
"""A Parquet split with more rows is read in part: enough whole row groups to hold so many. (30,000 training rows are
used of a dataset, and cards that share a corpus take parts of 27 % of it.)"""

_SILENCE = 10.0
"""Seconds without an answer after which a request counts as failed, where the hub's client sets no limit itself."""


class HubSource:
    """The Hugging Face hub; `datasets` is imported when a copy is looked up that is not kept yet."""

    name = "hub"

    def open(self, task: Task) -> HubTask:
        """Find the first of the card's copies that is there with the card's columns, preferring one with every split.

        Raises `MissingRowsError`, or `SchemaError` when all that is there has other columns; each copy is named.
        """
        partial: HubTask | None = None
        faults: list[OpenflanError] = []
        for layout in task.layouts:
            if layout.hub is None:
                continue
            try:
                found = HubTask(task, layout, HubCopy(layout.hub))
            except (MissingRowsError, SchemaError) as fault:
                faults.append(fault)
                continue
            if all(part.split in found.splits() for part in layout.splits.values()):
                return found
            partial = partial or found
        if partial:
            return partial
        what = [str(fault) for fault in faults] or ["the card names no copy on the hub"]
        error = SchemaError if faults and all(isinstance(fault, SchemaError) for fault in faults) else MissingRowsError
        raise error(f"{task.name}: " + "\n  ".join([*what, *([task.card.access] if task.card.access else [])]))


class HubTask:
    """A dataset in one of its copies on the hub; raises `SchemaError` when the copy is not in the card's layout."""

    def __init__(self, task: Task, layout: Source, copy: HubCopy) -> None:
        self.task, self.layout, self._copy = task, layout, copy
        self.origin, self.corpus = f"hub {copy.name}", copy.name
        read = [part.split for part in layout.splits.values() if part.split in self.splits()]
        if read:
            self._check(copy.schema(read[0]).empty_table())

    def splits(self) -> list[str]:
        """The names of the splits at hand."""
        return list(self._copy.splits)

    def files(self) -> dict[str, Sequence[Path]]:
        """The files of the splits that are kept."""
        return {split: self._copy.kept(split) for split in self.splits()}

    def table(self, split: str) -> pa.Table:
        """The rows of a split, fetched if they are not kept, label ids replaced by names."""
        try:
            table = read_parquet([self._copy.fetch(split)], self.layout.columns)
            self._check(table)
        except (MissingRowsError, SchemaError) as fault:
            raise type(fault)(f"{self.task.name}: {fault}") from fault
        return named_labels(table, self.layout)

    def _check(self, table: pa.Table) -> None:
        if found := differences(table, self.layout):
            raise SchemaError(f"{self.origin} is not in the card's layout:\n  " + "\n  ".join(found))


class HubCopy:
    """One copy on the hub: its splits, and each split as a Parquet file in the cache.

    Whatever goes wrong becomes one `MissingRowsError` that names the copy and the cause.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._arguments = hub.model_dump(include={"name", "data_dir", "revision"}, exclude_none=True)
        self.name = "/".join(part for part in (hub.path, hub.name, hub.data_dir) if part)
        self._folder = cache() / "hub" / re.sub(r"[^\w.-]+", "--", "@".join(filter(None, (self.name, hub.revision))))
        self._record = self._kept() or self._call(self._looked_up)

    @property
    def splits(self) -> Sequence[str]:
        """The names of the splits."""
        return list(self._record["files"])

    def fetch(self, split: str) -> Path:
        """The split as a Parquet file."""
        path = self._folder / f"{split}.parquet"
        if not path.is_file():
            self._call(self._keep, split, path)
        return path

    def kept(self, split: str) -> Sequence[Path]:
        """The split's file, if it is kept already."""
        path = self._folder / f"{split}.parquet"
        return [path] if path.is_file() else []

    def schema(self, split: str) -> pa.Schema:
        """The split's schema; of a Parquet copy it is read without its rows."""
        if (self._folder / f"{split}.parquet").is_file() or not self._is_parquet(split):
            return pq.read_schema(self.fetch(split))
        schema = self._call(lambda: _open(self._record["files"][split][0]).schema_arrow)
        return self._with_features(schema.empty_table()).schema

    def _is_parquet(self, split: str) -> bool:
        files = self._record["files"][split]
        return bool(files) and all(file.endswith(".parquet") for file in files)

    def _kept(self) -> Mapping[str, Any] | None:
        path = self._folder / "copy.json"
        with suppress(OSError, ValueError, RecursionError):  # a damaged note is made anew
            record: Any = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(record, dict) and isinstance(record.get("files"), dict) and "features" in record:
                return record
        return None

    def _looked_up(self) -> Mapping[str, Any]:
        """Ask the hub for the copy's files, and note them, pinned to the current commit."""
        datasets = self._datasets
        _reach()
        builder = datasets.load_dataset_builder(self._hub.path, **self._arguments)
        features = builder.info.features
        metadata = features.arrow_schema.metadata or {} if features else {}
        named = metadata.get(b"huggingface", b"").decode()
        if builder.config.data_files:
            files = {str(split): list(map(str, paths)) for split, paths in builder.config.data_files.items()}
            record = {"revision": builder.hash, "features": named, "files": files}
            write_json(self._folder / "copy.json", record)
            return record
        # Without network the library falls back on splits that it has itself prepared before.
        files = {str(split): [] for split in builder.info.splits or ()}
        return {"revision": self._hub.revision, "features": named, "files": files}

    def _keep(self, split: str, path: Path) -> None:
        table = self._with_features(self._read(split))
        with replacing(path) as temporary:
            pq.write_table(table, temporary)

    def _read(self, split: str) -> pa.Table:
        if self._is_parquet(split):
            return _row_groups(self._record["files"][split], hash64("row groups", self.name, split))
        dataset = self._datasets.load_dataset(
            self._hub.path, split=split, **{**self._arguments, "revision": self._record["revision"]}
        )
        return dataset.with_format("arrow")[:]

    def _with_features(self, table: pa.Table) -> pa.Table:
        """Label names as the copy's description gives them; else as its files do."""
        features = self._record["features"]
        return table.replace_schema_metadata({"huggingface": features}) if features else table

    @functools.cached_property
    def _datasets(self) -> Any:
        try:
            import datasets
        except ImportError:
            raise MissingRowsError("rows from the hub need the extra `hub`: pip install 'openflan[hub]'") from None
        return datasets

    def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            _limit_silence()
            return function(*arguments)
        except OpenflanError:
            raise
        except Exception as error:  # The library, the HTTP client and pyarrow raise dozens of kinds here.
            cause = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
            raise MissingRowsError(f"hub {self.name} did not load: {cause} ({type(error).__name__})") from error


@functools.cache
def _reach() -> None:
    """Try once, so that without network every copy fails at once and not after the many tries of the hub's client.

    Told to stay offline, the client is quick, and may find what it has prepared before.
    """
    import datasets

    if not datasets.config.HF_HUB_OFFLINE:
        _session().head(datasets.config.HF_ENDPOINT, timeout=_SILENCE)


def _session() -> Any:
    """The HTTP client of the hub's library, which keeps it under this name in all its versions."""
    return importlib.import_module("huggingface_hub.utils").get_session()


def _limit_silence() -> None:
    """Make requests fail on a server that does not answer; the client lists files without any limit of its own."""
    hooks = getattr(_session(), "event_hooks", None)
    if hooks and _fail_when_silent not in hooks["request"]:
        hooks["request"].append(_fail_when_silent)


def _fail_when_silent(request: Any) -> None:
    limits = request.extensions.setdefault("timeout", {})
    for phase in ("connect", "read", "write", "pool"):
        limits[phase] = _SILENCE if limits.get(phase) is None else limits[phase]


def _open(file: str) -> pq.ParquetFile:
    """A Parquet file on the hub, of which only what is asked for is fetched."""
    from huggingface_hub import HfFileSystem

    return pq.ParquetFile(HfFileSystem().open(file, cache_type="none"), pre_buffer=True)


def _row_groups(files: Sequence[str], key: int) -> pa.Table:
    """The rows of a split; of a large one whole row groups, drawn from all its files, up to `SPLIT_LIMIT` rows.

    Which ones follows from `key`, so that every role of a task and every run sees the same rows.
    """
    opened = [_open(file) for file in files]
    groups = [(number, group) for number, file in enumerate(opened) for group in range(file.num_row_groups)]
    chosen: dict[int, list[int]] = {}
    rows = 0
    for place in permutation(len(groups), key).tolist() if groups else []:
        if rows >= SPLIT_LIMIT:
            break
        number, group = groups[place]
        chosen.setdefault(number, []).append(group)
        rows += opened[number].metadata.row_group(group).num_rows
    tables = [opened[number].read_row_groups(sorted(chosen.get(number, ()))) for number in range(len(opened))]
    return pa.concat_tables(tables, promote_options="default")
