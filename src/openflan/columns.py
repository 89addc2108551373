"""Tables that fit: where a window is too narrow whole columns are left out, and named, but no name or digit is cut.

Long texts, such as lists of options, are cut first, where a table says that they may be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Cell = str | Text

_GAP = 2
"""Blanks between two columns."""

_SHORTEST = 12
"""What is left of a text that may be cut, in characters, before its column goes."""


@dataclass(frozen=True)
class Row:
    """Cells of one line, as many as there are columns or fewer, in one style."""

    cells: Sequence[Cell]
    style: str = ""


@dataclass(frozen=True)
class FittedTable:
    """A table for a terminal of any width.

    `numbers` are the columns to align right, `cut` those whose texts may be cut, and `leave` those that may be left
    out, the first of them first. What is in none of the last two is always there: in a window too narrow even for
    that, long words are continued on a further line.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Row]
    numbers: Collection[int] = ()
    cut: Collection[int] = ()
    leave: Sequence[int] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many columns as fit, and a line that names the others."""
        shown = self._shown(options.max_width)
        yield self._table(shown, options.max_width)
        hidden = [self.headings[number].replace("\n", " ") for number in self.leave if number not in shown]
        if any(hidden):
            yield Text(f"no room for: {', '.join(filter(None, hidden))}", style="dim")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The width at which nothing is cut or left out."""
        return Measurement(min(_SHORTEST, self.needs), self.needs)

    @property
    def needs(self) -> int:
        """The width at which nothing is cut or left out, in characters."""
        return self._width(range(len(self.headings)), self._widths)

    @cached_property
    def _widths(self) -> list[int]:
        """What each column needs, in characters."""
        return [max(map(cell_len, self._lines(number)), default=0) for number in range(len(self.headings))]

    def _lines(self, column: int) -> Iterator[str]:
        yield from self.headings[column].split("\n")
        yield from (_plain(row.cells[column]) for row in self.rows if column < len(row.cells))

    def _least(self, column: int) -> int:
        heading = max(map(cell_len, self.headings[column].split("\n")))
        return min(self._widths[column], max(heading, _SHORTEST)) if column in self.cut else self._widths[column]

    def _shown(self, width: int) -> list[int]:
        """The columns that fit, those that may be cut at their shortest."""
        shown = list(range(len(self.headings)))
        least = [self._least(column) for column in shown]
        for column in self.leave:
            if self._width(shown, least) <= width:
                break
            shown.remove(column)
        return shown

    @staticmethod
    def _width(columns: Collection[int], widths: Sequence[int]) -> int:
        return sum(widths[column] for column in columns) + _GAP * max(0, len(columns) - 1)

    def _table(self, shown: Sequence[int], width: int) -> Table:
        widths = self._given(shown, width)
        fits = self._width(shown, widths) <= width
        table = Table(title=self.title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
        for column in shown:
            justify: Literal["right", "left"] = "right" if column in self.numbers else "left"
            table.add_column(
                self.headings[column], justify=justify, overflow="fold", no_wrap=fits,
                min_width=widths[column] if fits else None,
            )  # fmt: skip
        for row in self.rows:
            cells = (_shortened(row.cells[column], widths[column]) for column in shown if column < len(row.cells))
            table.add_row(*cells, style=row.style)
        return table

    def _given(self, shown: Sequence[int], width: int) -> list[int]:
        """The width of each column when those that may be cut share what the others leave."""
        given = [self._least(column) for column in range(len(self.headings))]
        spare = width - self._width(shown, given)
        for column in self.cut:
            if column in shown and spare > 0:
                more = min(spare, self._widths[column] - given[column])
                given[column], spare = given[column] + more, spare - more
        return given


def _shortened(cell: Cell, width: int) -> Cell:
    if cell_len(_plain(cell)) <= width:
        return cell
    return Text(set_cell_size(_plain(cell), width - 1).rstrip() + "…", cell.style if isinstance(cell, Text) else "")


def _plain(cell: Cell) -> str:
    return cell.plain if isinstance(cell, Text) else cell
