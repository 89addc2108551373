"""Summaries and comparisons as tables that fit a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from openflan.evaluate.baselines import Reference
from openflan.evaluate.statistics import Interval
from openflan.evaluate.summary import ClusterScore, Summary, TaskScore
from openflan.tasks.clusters import CLUSTERS

References = Mapping[str, Mapping[str, Reference]]
"""Reference lines: name → dataset → score."""


def summary_table(summary: Summary, references: References | None = None) -> RenderableType:
    """One line per dataset under its cluster's average, with reference lines as further columns.

    ± is half the width of the 95 % interval; `std` is over the `#t` templates.
    """
    references = references or {}
    table = Table(title=summary.name, box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("dataset", no_wrap=True, overflow="ellipsis")
    table.add_column("metric", style="dim", no_wrap=True)
    for heading in ("mean", "std", "#t", "best-dev"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in references:
        table.add_column(name.replace("_", " "), justify="right", style="dim", max_width=10)
    averages = {one.cluster: one for one in summary.clusters}
    for cluster in dict.fromkeys(task.cluster for task in summary.tasks):
        table.add_row(*_cluster_cells(cluster, averages.get(cluster), references))
        for task in summary.tasks:
            if task.cluster == cluster:
                shown = [_reference(lines.get(task.name)) for lines in references.values()]
                table.add_row(*_cells(task), *shown)
    return Group(table, *(Text(note, style="yellow") for note in remarks(summary)))


def remarks(summary: Summary) -> list[str]:
    """What a reader of the numbers should know: failed prompts and dropped exemplars first, then the run's notes."""
    found = []
    for task in summary.tasks:
        for reason, count in task.failures.items():
            found.append(f"{task.name}: {count} prompts not scored ({reason})")
    return [*found, *summary.notes]


def _cluster_cells(cluster: str, average: ClusterScore | None, references: References) -> list[str | Text]:
    title = Text(CLUSTERS.get(cluster, cluster), style="bold", overflow="ellipsis")
    if average is None or len(average.members) == 1:
        return [title]
    shown = [_mean([lines.get(name) for name in average.members]) for lines in references.values()]
    return [
        title,
        "average",
        *(Text(cell, style="bold") for cell in (_interval(average.mean), "", "", _interval(average.best), *shown)),
    ]


def _mean(references: Sequence[Reference | None]) -> str:
    """The average of reference scores, where every member has one."""
    values = [reference.value for reference in references if reference is not None]
    return f"{sum(values) / len(values):.1f}" if len(values) == len(references) else ""


def _cells(task: TaskScore) -> Sequence[str]:
    return (
        f"  {task.name}",
        task.metric.replace("_", " ") + ("" if task.higher_is_better else " ↓"),
        _interval(task.mean),
        f"{task.std:.1f}" if len(task.templates) > 1 else "",
        str(len(task.templates)),
        _interval(task.best),
    )


def _interval(score: Interval | None) -> str:
    return "–" if score is None else str(score)


def _reference(reference: Reference | None) -> str:
    return "–" if reference is None else f"{reference.value:.1f}{reference.mark}"
