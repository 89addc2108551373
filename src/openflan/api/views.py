"""Tables that print, show themselves in a notebook and become a data frame."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from openflan.errors import OpenflanError

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

_WIDTH = 160
"""Columns of a table printed from Python, unless it needs more: nothing in it is cut."""


@dataclass(frozen=True)
class Table:
    """Rows under named columns; `notes` are lines below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    notes: Sequence[str] = field(default=())

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def __str__(self) -> str:
        from rich.table import Table as Drawn

        drawn = Drawn(title=self.title, title_justify="left", header_style="bold", box=None, pad_edge=False)
        for number, column in enumerate(self.columns):
            numbers = any(isinstance(row[number], int | float) for row in self.rows)
            drawn.add_column(column, justify="right" if numbers else "left", no_wrap=True)
        for row in self.rows:
            drawn.add_row(*(shown(cell) for cell in row))
        return "\n".join([as_text(drawn), *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table><caption>{escape(self.title)}</caption><tr>{head}</tr>{body}</table>{notes}"

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a data frame; raises `OpenflanError` without pandas."""
        return frame([list(row) for row in self.rows], list(self.columns))


class Tabled:
    """Something that is shown as a table: printed, in a notebook, and as a data frame."""

    @property
    def table(self) -> Table:
        """The table."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a data frame; raises `OpenflanError` without pandas."""
        return self.table.to_pandas()


def frame(rows: Sequence[Any], columns: Sequence[str] | None = None) -> pandas.DataFrame:
    """A data frame; raises `OpenflanError` without pandas."""
    try:
        import pandas
    except ImportError:
        raise OpenflanError("data frames need pandas: pip install pandas") from None
    return pandas.DataFrame(rows, columns=columns)


def as_text(drawn: RenderableType) -> str:
    """What `rich` draws, as plain text."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=_WIDTH, highlight=False, color_system=None)
    endless = console.options.update(max_width=10_000)
    console.width = max(_WIDTH, console.measure(drawn, options=endless).maximum)
    console.print(drawn)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in str(text).rstrip().split("\n"))


def shown(cell: Any) -> str:
    """A cell's text."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
