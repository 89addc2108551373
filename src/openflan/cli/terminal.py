"""What the verbs share in printing: tables, JSON, lines beside the results."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 160
"""Columns of output that goes into a file or another program."""

_SILENT = os.environ.get("RANK", "0") != "0"
"""Under torchrun the first process speaks for all."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH, quiet=_SILENT)
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
) -> Table:
    """A table for the terminal; `numbers` are the columns to align right, `cut` those that give way."""
    drawn = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        needed = None if index in cut else max([len(column), *(len(str(row[index])) for row in rows)])
        justify: Literal["right", "left"] = "right" if index in numbers else "left"
        drawn.add_column(column, justify=justify, overflow="ellipsis", no_wrap=True, min_width=needed)
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    return drawn


def escape(text: str) -> str:
    """Text that is free of anything `rich` would read as markup."""
    return text.replace("[", "\\[")
