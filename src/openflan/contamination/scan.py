"""Looking through a corpus on all cores; what is done is written down, so that a scan that was stopped goes on.

`scan.jsonl` has a line for each unit of the corpus that was looked through, after one that says what was looked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from openflan.contamination.corpus import Block, Unit, Unread, blocks
from openflan.contamination.index import Index
from openflan.errors import OpenflanError
from openflan.files import locked, replacing

LOG = "scan.jsonl"

_AHEAD = 4
"""Units handed out per worker: more would only stand in line."""

_WATCH = 1.0
"""Seconds between two looks whether the process that started a worker is still there."""

OnUnit = Callable[[int, int], None]
"""Called with the bytes that were looked through, of how many."""


class Hit(NamedTuple):
    """An n-gram that was found: the word of the index that it begins with, and where it stands."""

    member: int
    path: str
    where: int


@dataclass
class Scan:
    """What was found: the first place of each n-gram that stands in the corpus, and the rows that could not be read."""

    hits: dict[int, Hit] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    bytes: int = 0

    def add(self, line: dict[str, Any]) -> None:
        """Take in what was found in a unit."""
        for member, where in line["found"]:
            self.hits.setdefault(member, Hit(member, line["path"], where))
        self.unread += line["unread"]
        self.bytes += line["bytes"]


def scan(
    index: Index,
    units: Sequence[Unit],
    folder: Path,
    *,
    fields: Sequence[str] = (),
    workers: int | None = None,
    on_unit: OnUnit | None = None,
) -> Scan:
    """Look for an index's n-grams in a corpus; units that `folder` has a line of are not looked through again.

    `fields` are those of rows to look into, all when empty; `workers` are processes, one per core by default. Raises
    `CorpusError` for a file that cannot be read, and `OpenflanError` for a folder in which something else was looked
    for.
    """
    about = {"grams": fingerprint(index), "fields": sorted(fields)}
    result, total = Scan(), sum(unit.size for unit in units)
    with locked(folder, "openflan contamination"):
        done = _read(folder / LOG, about)
        wanted = {unit.key for unit in units}
        for key, line in done.items():
            if key in wanted:
                result.add(line)
        left = [unit for unit in units if unit.key not in done]
        with (folder / LOG).open("a", encoding="utf-8") as log:
            for line in _scanned(index, left, fields, workers or os.cpu_count() or 1):
                log.write(json.dumps(line, ensure_ascii=False) + "\n")
                log.flush()
                result.add(line)
                if on_unit:
                    on_unit(result.bytes, total)
    return result


def scan_blocks(index: Index, texts: Iterable[Block | Unread], path: str) -> dict[str, Any]:
    """What is found in some blocks, as a line of the log."""
    found = index.nothing_found()
    hits: list[tuple[int, int]] = []
    unread: list[str] = []
    for block in texts:
        if isinstance(block, Unread):
            unread.append(f"{path}, byte {block.byte}: {block.reason}")
        else:
            hits += [(member, block.where(place)) for member, place in index.find(block.words, found)]
    return {"path": path, "found": hits, "unread": unread, "bytes": 0}


def fingerprint(index: Index) -> str:
    """A hash of what is looked for."""
    digest = hashlib.sha256(index.words.data)
    digest.update(index.sizes.tobytes())
    return digest.hexdigest()[:16]


def _scan_unit(index: Index, unit: Unit, fields: Sequence[str]) -> dict[str, Any]:
    return {**scan_blocks(index, blocks(unit, fields), unit.path), "unit": unit.key, "bytes": unit.size}


def _read(log: Path, about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of a log by unit; a new log begins with what it is `about`. A line that was cut short is dropped."""
    lines = [entry for line in log.read_bytes().split(b"\n") if (entry := _entry(line))] if log.exists() else []
    if lines and lines[0].get("about") != about:
        raise OpenflanError(
            f"{log} is of a scan for other n-grams, or in other fields; write to another folder, or remove it"
        )
    done = {line["unit"]: line for line in lines[1:]}
    with replacing(log) as temporary:
        whole = [{"about": about}, *done.values()]
        temporary.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in whole), encoding="utf-8")
    return done


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and entry.keys() & {"unit", "about"} else None


def _scanned(index: Index, units: Sequence[Unit], fields: Sequence[str], workers: int) -> Iterator[dict[str, Any]]:
    """What is found in each unit, in their order."""
    if workers == 1 or len(units) < 2:
        yield from (_scan_unit(index, unit, fields) for unit in units)
        return
    with _pool(index, fields, min(workers, len(units))) as pool:
        waiting: deque[Future[dict[str, Any]]] = deque()
        for unit in units:
            waiting.append(pool.submit(_forked, unit))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _pool(index: Index, fields: Sequence[str], workers: int) -> Iterator[ProcessPoolExecutor]:
    """Workers that are forked, so that the index stands in memory once."""
    global _task
    _task = (index, fields)
    try:
        with ProcessPoolExecutor(workers, get_context("fork"), _end_with_parent, (os.getpid(),)) as pool:
            try:
                yield pool
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        _task = None


def _end_with_parent(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_task: tuple[Index, Sequence[str]] | None = None


def _forked(unit: Unit) -> dict[str, Any]:
    assert _task is not None, "inherited by the fork"
    return _scan_unit(_task[0], unit, _task[1])
