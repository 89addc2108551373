"""What the verbs share in printing: tables, JSON, lines beside the results."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from openflan.columns import FittedTable, Row

_PIPE_WIDTH = 10_000
"""Columns of output that goes into a file or another program: it has no edge, so nothing is left out or wrapped."""

_SILENT = os.environ.get("RANK", "0") != "0"
"""Under torchrun the first process speaks for all."""

out = Console(
    highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH, quiet=_SILENT
)
err = Console(stderr=True, highlight=False, quiet=_SILENT)


def tell(line: str) -> None:
    """Print a line to standard error, beside the results."""
    err.print(escape(line))


def print_json(value: Any) -> None:
    """Machine-readable output, untouched by the terminal's width or colours."""
    if not _SILENT:
        print(json.dumps(value, indent=2, ensure_ascii=False))


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    numbers: Sequence[int] = (),
    cut: Sequence[int] = (),
    leave: Sequence[int] | None = None,
) -> FittedTable:
    """A table for the terminal; `numbers` are the columns to align right, `cut` those that give way.

    `leave` are those that may be left out, the first of them first: by default all but the one of the names, those
    that give way before the others, from the right.
    """
    if leave is None:
        names = columns.index("dataset") if "dataset" in columns else 0
        rest = (number for number in reversed(range(len(columns))) if number not in (names, *cut))
        leave = [*sorted(cut, reverse=True), *rest]
    lines = [Row([Text(str(cell)) for cell in row]) for row in rows]
    return FittedTable(title, columns, lines, numbers, cut, leave)


def escape(text: str) -> str:
    """Text that is free of anything `rich` would read as markup."""
    return text.replace("[", "\\[")
