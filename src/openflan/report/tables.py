"""Summaries and comparisons as tables that fit a terminal."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from textwrap import wrap
from typing import NamedTuple

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.text import Text

from openflan.columns import FittedTable, Row
from openflan.evaluation.analysis.comparison import Comparison, Difference
from openflan.evaluation.analysis.references import Reference, statuses
from openflan.evaluation.analysis.statistics import Interval, shown
from openflan.evaluation.analysis.summary import ClusterScore, Summary, TaskScore
from openflan.report.words import SETTING_TITLES, metric_title
from openflan.tasks.clusters import CLUSTERS
from openflan.wording import counted

_FURTHER = {"loss": "loss", "written_option": "an option", "written_accuracy": "written"}
"""What is measured besides the metric: nats per token of the right answer; of answers written to prompts with options,
how many are one of them and how many are right, in per cent."""

_AVERAGE = "average"
_HEADING_WIDTH = 12
_COLOURS = {1: "green", 0: "", -1: "red"}
References = Mapping[str, Mapping[str, Reference]]
"""Reference lines: name → dataset → score."""


class _Column(NamedTuple):
    """A column of the summary: what it says of a dataset, and of a cluster's average."""

    heading: str
    of_task: Callable[[TaskScore], str]
    of_cluster: Callable[[ClusterScore], str] = lambda cluster: ""


def summary_table(summary: Summary, references: References | None = None) -> RenderableType:
    """One line per dataset under its cluster's average, with reference lines as further columns.

    ± is half the width of the 95 % interval; `std` is over the `#t` templates. Where the terminal is too narrow the
    last columns are left out, and named below.
    """
    return _SummaryTable(summary, references or {})


@dataclass(frozen=True)
class _SummaryTable:
    summary: Summary
    references: References

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, and what a reader of it should know."""
        yield self._table
        yield from (Text(note, style="yellow") for note in remarks(self.summary))
        yield from (Text(sign, style="dim") for sign in self._signs())

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The width of the table; what stands below it is wrapped."""
        return self._table.__rich_measure__(console, options)

    def _signs(self) -> Iterator[str]:
        """What the signs in the table mean."""
        yield "± half the 95 % interval over examples; std over the #t templates"
        marked = (
            line[task.name] for line in self.references.values() for task in self.summary.tasks if task.name in line
        )
        marks = {one.mark: one.status for one in marked if one.mark}
        yield from (f"{mark} {statuses()[status]}" for mark, status in marks.items())

    @cached_property
    def _table(self) -> FittedTable:
        columns = _columns(self.summary, self.references)
        headings = ["dataset", *(column.heading for column in columns)]
        numbers = [number for number, heading in enumerate(headings) if heading not in ("dataset", "metric")]
        kept = ("dataset", "metric", "mean")
        leave = [number for number in reversed(numbers) if headings[number] not in kept]
        return FittedTable(_title(self.summary), headings, list(self._rows(columns)), numbers, leave=leave)

    def _rows(self, columns: Sequence[_Column]) -> Iterator[Row]:
        averages = {one.cluster: one for one in self.summary.clusters if len(one.members) > 1}
        for cluster in dict.fromkeys(task.cluster for task in self.summary.tasks):
            average = averages.get(cluster)
            cells = [column.of_cluster(average) for column in columns] if average else []
            yield Row([CLUSTERS.get(cluster, cluster), *cells], "bold")
            for task in self.summary.tasks:
                if task.cluster == cluster:
                    yield Row([f"  {task.name}", *(column.of_task(task) for column in columns)])
        if mean := self.summary.average:
            yield Row(["Mean over clusters", *(column.of_cluster(mean) for column in columns)], "bold")


def _columns(summary: Summary, references: References) -> list[_Column]:
    """The columns, less those that would be empty."""
    columns = [
        _Column("metric", lambda task: metric_title(task.metric, task.higher_is_better), lambda cluster: _AVERAGE),
        _Column("mean", lambda task: _interval(task.mean), lambda cluster: _interval(cluster.mean)),
        _Column("std", lambda task: f"{task.std:.1f}" if len(task.templates) > 1 else ""),
        _Column("#t", lambda task: str(len(task.templates))),
    ]
    if any(task.best for task in summary.tasks):
        columns.append(_Column("best-dev", lambda task: _interval(task.best), lambda cluster: _interval(cluster.best)))
    columns += [
        _Column(heading, partial(_further, name))
        for name, heading in _FURTHER.items()
        if any(name in task.further for task in summary.tasks)
    ]
    columns += [
        _Column(name.replace("_", "\n"), partial(_reference, line), partial(_reference_mean, line))
        for name, line in references.items()
    ]
    return columns


def remarks(summary: Summary) -> list[str]:
    """What a reader of the numbers should know: failures, shortened inputs, dropped exemplars, and the run's notes."""
    found = [f"{task.name}: {failed}" for task in summary.tasks for failed in _failed(task)]
    if same := [f"{task.name} ({next(iter(task.shares))!r})" for task in summary.tasks if _is_constant(task)]:
        found.append(f"always the same answer, whatever is asked: {', '.join(same)}")
    if shortened := [f"{task.name} ({task.shortened})" for task in summary.tasks if task.shortened]:
        found.append(f"prompts shortened to fit the input length: {', '.join(shortened)}")
    shots = summary.plan["settings"][summary.setting]["shots"]
    asked = shots["count"]
    kept = {task.name: [one.shots for one in task.templates] for task in summary.tasks}
    if dropped := [f"{name} {np.mean(shots):.1f}" for name, shots in kept.items() if shots and min(shots) < asked]:
        budget = shots["budget"]
        found.append(f"of {asked} exemplars these fitted into {budget} tokens on average: {', '.join(dropped)}")
    return [*found, *summary.notes]


def _failed(task: TaskScore) -> Iterator[str]:
    """Prompts that were not scored, by reason; reasons that differ in a number alone, such as a length, are one."""
    alike: dict[str, list[str]] = defaultdict(list)
    for reason in task.failures:
        alike[re.sub(r"\d[\d,]*", "0", reason)].append(reason)
    for reasons in alike.values():
        count = sum(task.failures[reason] for reason in reasons)
        example = "for example, " if len(reasons) > 1 else ""
        yield f"{counted(count, 'prompt')} not scored ({example}{reasons[0]})"


def _is_constant(task: TaskScore) -> bool:
    """Whether one option was chosen for all of several prompts: a spread of zero over templates is no robustness."""
    return len(task.shares) == 1 and sum(one.prompts for one in task.templates) > 1


def _title(summary: Summary) -> str:
    return f"{summary.name}, {SETTING_TITLES.get(summary.setting, summary.setting)}"


def _further(name: str, task: TaskScore) -> str:
    if name not in task.further:
        return ""
    return f"{task.further[name]:.2f}" if name == "loss" else f"{task.further[name]:.1f}"


def _reference(line: Mapping[str, Reference], task: TaskScore) -> str:
    reference = line.get(task.name)
    return "–" if reference is None else f"{reference.value:.1f}{reference.mark}"


def _reference_mean(line: Mapping[str, Reference], cluster: ClusterScore) -> str:
    """The average of the reference scores, where every member has one."""
    values = [line[name].value for name in cluster.members if name in line]
    return f"{sum(values) / len(values):.1f}" if len(values) == len(cluster.members) else ""


def _interval(score: Interval | None) -> str:
    return "–" if score is None else str(score)


def comparison_table(comparisons: Sequence[Comparison]) -> RenderableType:
    """Every model beside the first one: its score, the paired difference with its interval, and a picture of it.

    A difference whose interval leaves out zero is green when the model is better, red when it is worse. Stars: p below
    0.05, 0.01 and 0.001 in a randomization test on the same prompts.
    """
    return _ComparisonTable(comparisons)


@dataclass(frozen=True)
class _ComparisonTable:
    comparisons: Sequence[Comparison]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Side by side as many comparisons as fit, the others below them; then what a reader should know."""
        yield from self._tables(options.max_width)
        notes = dict.fromkeys(note for one in self.comparisons for note in one.notes)
        yield from (Text(note, style="yellow") for note in notes)
        yield Text(_SIGNS, style="dim")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The width of all comparisons side by side."""
        return _beside(self.comparisons).__rich_measure__(console, options)

    def _tables(self, width: int) -> list[FittedTable]:
        for count in range(len(self.comparisons), 0, -1):
            parts = [self.comparisons[at : at + count] for at in range(0, len(self.comparisons), count)]
            tables = [_beside(part) for part in parts]
            if count == 1 or all(table.needs <= width for table in tables):
                return tables
        return []


_SIGNS = "± half the 95 % interval of the difference; * ** *** p < 0.05, 0.01, 0.001 in a randomization test"


def _beside(comparisons: Sequence[Comparison]) -> FittedTable:
    """Comparisons with one first model, in one table; one alone with a picture."""
    names = [comparisons[0].first, *(name for one in comparisons for name in (one.second, "difference"))]
    headings = ["dataset", "metric", *("\n".join(wrap(name, _HEADING_WIDTH)) for name in names)]
    numbers = range(2, len(headings))
    pictures = [len(headings)] if len(comparisons) == 1 else []
    rows = [Row(line, "bold" if bold else "") for line, bold in _comparison_lines(comparisons)]
    return FittedTable("", headings + [""] * len(pictures), rows, numbers, leave=[*pictures, 1])


def _comparison_lines(comparisons: Sequence[Comparison]) -> Iterator[tuple[list[str | Text], bool]]:
    """Cells of each line, clusters (bold) before their datasets, of what all comparisons have."""
    lines = [{(one.metric == _AVERAGE, one.name): one for one in (*each.clusters, *each.tasks)} for each in comparisons]
    shared = [key for key in lines[0] if all(key in others for others in lines)]
    widest = max((_reach(of[key]) for of in lines for key in shared), default=1.0)
    for cluster in dict.fromkeys(lines[0][key].cluster for key in shared):
        members = [key for key in shared if lines[0][key].cluster == cluster]
        averages = [key for key in members if key[0]] if len(members) > 2 else []
        if not averages:
            yield [CLUSTERS.get(cluster, cluster)], True
        for key in (*averages, *(key for key in members if not key[0])):
            yield _comparison_cells([of[key] for of in lines], widest), key in averages


def _comparison_cells(found: Sequence[Difference], widest: float) -> list[str | Text]:
    one = found[0]
    average = one.metric == _AVERAGE
    title = CLUSTERS.get(one.name, one.name) if average else f"  {one.name}"
    cells: list[str | Text] = [title, metric_title(one.metric, one.higher_is_better), shown(one.first)]
    for other in found:
        cells += [shown(other.second), Text(_signed(other), style=_COLOURS[other.verdict])]
    if len(found) == 1:
        cells.append(Text(_strip(one.difference, widest), style=_COLOURS[one.verdict]))
    return cells


def _signed(one: Difference) -> str:
    stars = "" if one.p is None else "*" * sum(one.p < level for level in (0.05, 0.01, 0.001))
    half = (one.difference.high - one.difference.low) / 2
    return f"{shown(one.difference.value, signed=True)} ±{shown(half)}{stars:<3}"


def _reach(one: Difference) -> float:
    return max(abs(one.difference.low), abs(one.difference.high), 1.0)


def _strip(difference: Interval, widest: float, half: int = 10) -> str:
    """An interval on a line around zero: `────┼──├──●──┤──`."""
    cells = [" "] * half + ["│"] + [" "] * half
    low, middle, high = (
        half + round(half * value / widest) for value in (difference.low, difference.value, difference.high)
    )
    for at in range(low, high + 1):
        cells[at] = "┼" if at == half else "─"
    cells[middle] = "●"
    return "".join(cells)
