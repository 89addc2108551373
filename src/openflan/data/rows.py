"""Rows of tasks, one task's or those of many; what was read before comes from the cache (`rowcache.py`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from contextlib import suppress

from openflan.data.contents import remembered
from openflan.data.limits import ROW_LIMIT as ROW_LIMIT
from openflan.data.rowcache import Asked, find, folder, make, tidy
from openflan.data.sources import RowSource
from openflan.data.taskrows import TaskRows as TaskRows
from openflan.data.workers import forked
from openflan.errors import MissingRowsError, SchemaError
from openflan.files import LockedError, locked
from openflan.tasks.registry import Task
from openflan.tasks.slices import Role as Role

_NO_ROWS = (MissingRowsError, SchemaError)


def load_rows(task: Task, role: Role, source: RowSource, *, limit: int = ROW_LIMIT, carve: bool = False) -> TaskRows:
    """The rows of `task` in `role`; `limit` caps the training rows.

    With `carve`, a role whose split the source lacks is cut out of the largest split at hand, disjoint from the
    other roles. Raises `MissingRowsError` and `SchemaError`.
    """
    asked = Asked(task, role, source, limit, carve)
    return find(asked) or make(asked)


def keep_rows(
    tasks: Iterable[Task],
    role: Role,
    source: RowSource,
    *,
    limit: int = ROW_LIMIT,
    carve: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Read the rows that are not kept yet with all cores, so that `load_rows` finds them.

    What has no rows, or wrong ones, is for `load_rows` to tell. Processes that ask for rows at the same time, such as
    the ranks of one training run, read them once: one works, the others wait. `on_progress` gets how many of the tasks
    are read, of how many.
    """
    asked = [Asked(task, role, source, limit, carve) for task in tasks]
    report = on_progress or (lambda done, total: None)
    if lacking := _lacking(asked):
        # Without a place to keep them in, rows are read one after the other.
        with suppress(OSError, LockedError), locked(folder(), "openflan", wait=True):
            lacking = _lacking(lacking)
            tidy()
            _make_all(lacking, lambda done: report(len(asked) - len(lacking) + done, len(asked)))
    report(len(asked), len(asked))


def _lacking(asked: Iterable[Asked]) -> list[Asked]:
    """Those that are not kept, the longest to read first."""
    lacking = []
    for one in asked:
        with suppress(*_NO_ROWS):
            if find(one, remembered) is None:
                lacking.append(one)
    return sorted(lacking, key=_bytes, reverse=True)


def _bytes(asked: Asked) -> int:
    with suppress(OSError, *_NO_ROWS):
        return sum(path.stat().st_size for paths in asked.opened().files().values() for path in paths)
    return 0


def _make_all(lacking: list[Asked], report: Callable[[int], None]) -> None:
    if not lacking:
        return
    global _task
    _task = lacking
    with forked(min(os.cpu_count() or 1, len(lacking))) as pool:
        numbers = [pool.submit(_forked, number) for number in range(len(lacking))]
        for done, _ in enumerate(as_completed(numbers), start=1):
            report(done)
    _task = []


_task: list[Asked] = []


def _forked(number: int) -> None:
    with suppress(*_NO_ROWS):
        find(_task[number]) or make(_task[number])
