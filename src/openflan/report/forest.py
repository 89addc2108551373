"""The figures of scores, as rows of tables: a dataset to a row, a strip of SVG beside what it shows in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from openflan.evaluation.analysis.statistics import Interval
from openflan.report import svg
from openflan.report.findings import MEASURES
from openflan.report.lines import Line
from openflan.report.words import bounds, metric_title, number
from openflan.tasks.clusters import CLUSTERS

LANE = 18
"""Pixels from one model's mark to the next one's."""


@dataclass(frozen=True)
class Value:
    """A model's number beside its mark: the model's place among all, its name, and the number."""

    order: int
    model: str
    text: str


@dataclass(frozen=True)
class Row:
    """A dataset's line of a figure: a note under its name, the drawing, and each model's number."""

    name: str
    note: str
    drawn: str
    values: Sequence[Value]


@dataclass(frozen=True)
class Figure:
    """A figure: rows under the titles of their clusters, and the axis above them."""

    title: str
    about: str
    axis: str
    clusters: Mapping[str, Sequence[Row]]


_Draw = Callable[[Line, svg.Place], tuple[list[str], str]]
"""A result → its marks, and the number beside them."""


def scores(lines: Sequence[Line]) -> Figure | None:
    """The datasets' own metrics, as means over templates with their intervals; a tick where guessing would be."""

    def draw(line: Line, place: svg.Place) -> tuple[list[str], str]:
        assert line.task.mean is not None
        return _interval(line, line.task.mean, place, 1)

    return _figure(
        "Score", "0 to 100, mean over templates", [one for one in lines if one.is_drawn], (0, 100), draw, True
    )


def measured(lines: Sequence[Line], measure: str) -> Figure | None:
    """One of the other measures on every dataset."""
    known = [line for line in lines if measure in line.measures]
    about = MEASURES[measure]
    if not known:
        return None
    ends = [end for line in known for end in (line.measures[measure].low, line.measures[measure].high)]
    span = (0.0, 100.0) if about.unit == " %" else (min(0.0, *ends), max(ends) * 1.05)

    def draw(line: Line, place: svg.Place) -> tuple[list[str], str]:
        return _interval(line, line.measures[measure], place, about.digits)

    unit = about.unit.strip() + (", lower is better" if about.sign < 0 else "")
    return _figure(about.title, unit, known, span, draw)


def templates(lines: Sequence[Line]) -> Figure | None:
    """A mark for every template's score: how much the wording matters."""

    def draw(line: Line, place: svg.Place) -> tuple[list[str], str]:
        known = {one.template: one.scores[line.task.metric] for one in line.task.templates}
        marks = [
            svg.mark(place(value), 0, f"m{line.order} faint", line.order, 0.8, f"template {writer}: {number(value)}")
            for writer, value in known.items()
        ]
        return marks, f"{number(min(known.values()))} to {number(max(known.values()))}"

    several = [line for line in lines if line.is_drawn and len(line.task.templates) > 1]
    return _figure("Template by template", "each mark is one template", several, (0, 100), draw)


def _figure(
    title: str, about: str, lines: Sequence[Line], span: tuple[float, float], draw: _Draw, guesses: bool = False
) -> Figure | None:
    rows: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        rows[line.task.name].append(line)
    if not rows:
        return None
    place, clusters = svg.percent(*span), defaultdict(list)
    for name, some in rows.items():
        task, height = some[0].task, LANE * len(some)
        grid = [svg.rule(place(value), 0, height, "grid") for value in svg.ticks(*span)]
        is_accuracy = task.metric == "accuracy"
        if guesses and is_accuracy and some[0].guessing is not None:
            grid.append(svg.rule(place(some[0].guessing), 0, height, "guess"))
        drawn = [draw(line, place) for line in some]
        values = [Value(line.order, line.model, text) for line, (_, text) in zip(some, drawn, strict=True)]
        note = metric_title(task.metric, True) if guesses and not is_accuracy else ""
        row = Row(name, note, lanes([marks for marks, _ in drawn], grid, height), values)
        clusters[CLUSTERS.get(task.cluster, task.cluster)].append(row)
    return Figure(title, about, svg.axis(place, svg.ticks(*span)), clusters)


def _interval(line: Line, value: Interval, place: svg.Place, digits: int) -> tuple[list[str], str]:
    kind, text = f"m{line.order}", f"{number(value.value, digits)} {bounds(value, digits)}"
    ends = svg.bar(place(value.low), place(value.high), 0, kind)
    return [ends, svg.mark(place(value.value), 0, kind, line.order, said=f"{line.model}: {text}")], text


def lanes(drawings: Sequence[Sequence[str]], grid: Sequence[str], height: float) -> str:
    """Marks one below another: each lane is drawn around its own zero."""
    drawn = [
        f'<svg y="{LANE * (number + 0.5):g}" overflow="visible">{"".join(lane)}</svg>'
        for number, lane in enumerate(drawings)
    ]
    return svg.strip([*grid, *drawn], height)
