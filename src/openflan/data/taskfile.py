"""Rows that stand in the same file as their task, as in Natural Instructions; they are read wherever other rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from openflan.data.rowfiles import rows_table
from openflan.errors import CardError, MissingRowsError
from openflan.tasks.card import Source
from openflan.tasks.collections.natural_instructions import INSTANCES, OFFICIAL, instances, of_split
from openflan.tasks.registry import Task


class FileTask:
    """A dataset whose card names the file of its rows; raises `MissingRowsError` where the file is gone."""

    def __init__(self, task: Task, layout: Source) -> None:
        assert layout.file is not None, "chosen for its file"
        self.task, self.layout, self.origin, self.corpus = task, layout, layout.file, task.card.name
        try:
            self._rows = instances(Path(layout.file))
        except CardError as fault:
            raise MissingRowsError(f"{task.name}: {fault}") from None

    def splits(self) -> list[str]:
        """All instances, and the first hundred of them."""
        return [INSTANCES, OFFICIAL]

    def files(self) -> Mapping[str, Sequence[Path]]:
        """None that are rows and nothing else."""
        return {}

    def table(self, split: str) -> pa.Table:
        """The rows of a split."""
        return rows_table(of_split(self._rows, split), self.layout.columns)


def own_file(task: Task) -> FileTask | None:
    """The task's own file of rows, where its card names one."""
    layout = next((layout for layout in task.layouts if layout.file), None)
    return FileTask(task, layout) if layout else None
