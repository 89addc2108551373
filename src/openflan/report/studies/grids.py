"""Heat maps: a study's scores in rows and columns, each cell shaded by its score, the paper's figures among them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openflan.evaluation.analysis.references import paper_columns, published
from openflan.evaluation.analysis.statistics import Interval
from openflan.report.words import number
from openflan.study.results import ALL, Line
from openflan.study.spec import ASKED, CLUSTER, MEASURED, Figure, Study
from openflan.tasks.clusters import CLUSTERS

PAPER = "paper"
"""What the paper's own figures are called in rows and lines."""


@dataclass(frozen=True)
class Score:
    """A cell: its score, the deviation between templates, how dark it is shaded (0 to 1), and a mark on its source."""

    mean: Interval | None
    std: float | None = None
    shade: float = 0.0
    mark: str = ""

    @property
    def text(self) -> str:
        """The score with half the width of its interval, where it has one."""
        if self.mean is None:
            return ""
        half = (self.mean.high - self.mean.low) / 2
        return number(self.mean.value) + (f" ±{number(half)}" if half else self.mark)


@dataclass(frozen=True)
class Grid:
    """A heat map: what stands down and across, names of its columns, and cells by the name of their row."""

    title: str
    about: str
    down: str
    across: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[Score]]


def grid(study: Study, figure: Figure, lines: Sequence[Line]) -> Grid | None:
    """The heat map that a figure asks for; None where there is nothing to show."""
    known = _cells(study, figure, lines)
    if not known:
        return None
    columns = list(dict.fromkeys(column for cells in known.values() for column in cells))
    columns = _sorted(study, figure.columns, columns)
    wanted = [*columns, *(["mean"] if _has_mean(study, figure, lines) else [])]
    ours = [cells for row, cells in known.items() if not row.startswith(PAPER)] or known.values()
    values = [score.mean.value for cells in ours for score in cells.values() if score.mean]
    low, high = min(values), max(values)
    rows = {
        row: [_shaded(_cell(cells, column, columns), low, high) for column in wanted] for row, cells in known.items()
    }
    down, across = (", ".join(map(study.title_of, fields)) for fields in (figure.rows, figure.columns))
    return Grid(figure.title, figure.about, down, across, wanted, rows)


def label(at: Mapping[str, str], fields: Sequence[str]) -> str:
    """What a result is called by some of its fields; the shared untuned model's has no value on a training's axis."""
    return ", ".join(CLUSTERS.get(at[field], at[field]) for field in fields if at.get(field)) or "all"


def level_of(figure: Figure) -> str:
    """Whether a figure shows clusters or means over them."""
    return "cluster" if CLUSTER in (*figure.rows, *figure.columns, *figure.lines, figure.x) else ALL


def shown(figure: Figure, lines: Sequence[Line], level: str) -> list[Line]:
    """The results of a level that a figure keeps; those without a value on a field are kept whatever it keeps there.

    A figure that does not tell settings apart shows the first that each model was asked in.
    """
    first: dict[str, str] = {}
    for line in lines:
        first.setdefault(line.at[MEASURED], line.at[ASKED])
    by_setting = ASKED in (*figure.rows, *figure.columns, *figure.lines, *figure.only)
    return [
        line
        for line in lines
        if line.level == level
        and all(not line.at.get(field) or line.at[field] in kept for field, kept in figure.only.items())
        and (by_setting or line.at[ASKED] == first[line.at[MEASURED]])
    ]


def published_points(study: Study, figure: Figure, fields: Sequence[str]) -> list[tuple[dict[str, str], float, str]]:
    """The paper's points that have values of these fields: the values, the score, and the mark of how sure it is."""
    marks = {"R": "ᴿ", "S": "ˢ", "G": "ᴳ"}
    return [
        (
            {field: str(value) for field, value in point.items()},
            float(point["value"]),
            marks.get(str(point.get("status")), ""),
        )
        for point in study.published
        if all(field in point for field in fields)
        and all(str(point[field]) in kept for field, kept in figure.only.items() if field in point)
    ]


def mean_of(values: Sequence[Interval]) -> Interval:
    """The mean of scores on different examples, whose errors are independent."""
    value = float(np.mean([one.value for one in values]))
    below = math.sqrt(sum((one.value - one.low) ** 2 for one in values)) / len(values)
    above = math.sqrt(sum((one.high - one.value) ** 2 for one in values)) / len(values)
    return Interval(value, value - below, value + above)


def _cells(study: Study, figure: Figure, lines: Sequence[Line]) -> dict[str, dict[str, Score]]:
    found: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    some = shown(figure, lines, level_of(figure))
    every = _sorted(study, figure.columns, [label(one.at, figure.columns) for one in some if _is_placed(one, figure)])
    for line in some:
        columns = [label(line.at, figure.columns)] if _is_placed(line, figure) else every
        for column in columns:
            found[label(line.at, figure.rows)][column].append(line)
    cells = {row: _scores(figure, row, columns, lines) for row, columns in found.items()}
    for at, value, mark in published_points(study, figure, (*figure.rows, *figure.columns)):
        printed = cells.setdefault(f"{PAPER}: {label(at, figure.rows)}", {})
        printed[label(at, figure.columns)] = Score(Interval(value, value, value), mark=mark)
    return cells


def _scores(figure: Figure, row: str, columns: Mapping[str, Sequence[Line]], lines: Sequence[Line]) -> dict[str, Score]:
    """A row's scores by column, with what the figure wants beside them."""
    scores = {column: _joined(some) for column, some in columns.items()}
    scores |= _best(columns) if MEASURED in figure.columns else {}
    return scores | (_columns_of_paper(figure, row, lines) if figure.rows == (CLUSTER,) else {})


def _is_placed(line: Line, figure: Figure) -> bool:
    """Whether a result belongs to one column, rather than to all of them alike."""
    return any(line.at.get(field) for field in figure.columns)


def _joined(lines: Sequence[Line]) -> Score:
    spread = [line.std for line in lines if line.std is not None]
    return Score(mean_of([line.mean for line in lines]), float(np.mean(spread)) if spread else None)


def _best(columns: Mapping[str, Sequence[Line]]) -> dict[str, Score]:
    """Columns of the templates that are best on dev, where there are dev scores."""
    best = {column: [line.best for line in lines if line.best] for column, lines in columns.items()}
    return {f"{column}, best on dev": Score(mean_of(some)) for column, some in best.items() if some}


def _columns_of_paper(figure: Figure, row: str, lines: Sequence[Line]) -> dict[str, Score]:
    """The paper's columns: means over those of a cluster's datasets that are measured here too."""
    measured = {one.name for one in lines if one.level == "dataset" and label(one.at, figure.rows) == row}
    found = {}
    for column in figure.paper:
        values = [one.value for name, one in published(column).items() if name in measured]
        if values:
            mean = float(np.mean(values))
            found[f"{PAPER}: {paper_columns()[column]}"] = Score(Interval(mean, mean, mean))
    return found


def _sorted(study: Study, fields: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names in the order of the first field's axis; others as they come."""
    order = [CLUSTERS.get(value, value) for value in study.values(fields[0])] if fields[0] in study.axes else []
    unique = list(dict.fromkeys(names))
    return sorted(unique, key=lambda name: order.index(name) if name in order else len(order) + unique.index(name))


def _has_mean(study: Study, figure: Figure, lines: Sequence[Line]) -> bool:
    """Whether columns are of different datasets, so that a mean over them says something, and its error is theirs."""
    if len(figure.columns) != 1 or figure.columns[0] not in study.axes:
        return False
    (axis,) = figure.columns
    asked: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line.level == "dataset" and line.at.get(axis):
            asked[line.at[axis]].add(line.name)
    return len(asked) > 1 and sum(map(len, asked.values())) == len(set().union(*asked.values()))


def _cell(cells: Mapping[str, Score], column: str, columns: Sequence[str]) -> Score:
    if column != "mean":
        return cells.get(column, Score(None))
    parts = [cells[name].mean for name in columns if name in cells]
    known = [part for part in parts if part is not None]
    return Score(mean_of(known)) if len(known) == len(columns) else Score(None)


def _shaded(score: Score, low: float, high: float) -> Score:
    if score.mean is None:
        return score
    shade = min(1.0, max(0.0, (score.mean.value - low) / ((high - low) or 1)))
    return Score(score.mean, score.std, shade, score.mark)
