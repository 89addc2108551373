"""The figures of the page as rows of tables: a dataset to a row, a strip of SVG beside what it shows in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from openflan.evaluate.analysis.blocks import Block
from openflan.evaluate.analysis.statistics import Interval
from openflan.evaluate.analysis.summary import TaskScore
from openflan.report import svg
from openflan.report.changes import guessing, on_block
from openflan.report.evaluations import Evaluation, Group
from openflan.report.findings import MEASURES, SCORE
from openflan.report.words import bounds, metric_title, number
from openflan.tasks.clusters import CLUSTERS

_LANE = 18
"""Pixels from one model's mark to the next one's."""

OTHER_MEASURES = [measure for measure in MEASURES if measure not in ("accuracy", SCORE)]
"""What is drawn besides the datasets' own metrics."""


@dataclass(frozen=True)
class Value:
    """A model's number beside its mark."""

    model: int
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


class _Model(NamedTuple):
    """A model in a setting: its number (colour and shape), its name, and its results by dataset."""

    number: int
    name: str
    blocks: Mapping[str, Block]
    tasks: Mapping[str, TaskScore]


def scores(group: Group, evaluations: Mapping[str, Evaluation], setting: str) -> Figure | None:
    """The datasets' own metrics (0 to 100), as means over templates with their intervals; ticks where guessing is."""
    models = _models(evaluations, setting)
    rows: dict[str, dict[_Model, Interval]] = defaultdict(dict)
    notes: dict[str, str] = {}
    guesses: dict[str, float] = {}
    for line in group.names:
        for model in models:
            task = model.tasks.get(line)
            if task is None or task.mean is None or not task.higher_is_better:
                continue
            rows[line][model] = task.mean
            guess = guessing(model.blocks[line])
            if task.metric != "accuracy":
                notes[line] = metric_title(task.metric, True)
            elif guess is not None:
                guesses[line] = guess
    return _forest("Score", "", rows, notes, guesses)


def measured(group: Group, evaluations: Mapping[str, Evaluation], setting: str, measure: str) -> Figure | None:
    """One of the other measures on every dataset."""
    models = _models(evaluations, setting)
    rows: dict[str, dict[_Model, Interval]] = defaultdict(dict)
    for line in group.names:
        for model in models:
            if line in model.blocks and (value := on_block(model.blocks[line], measure)) is not None:
                rows[line][model] = value
    about = MEASURES[measure]
    unit = about.unit.strip() + (", lower is better" if about.sign < 0 else "")
    return _forest(about.title, unit, rows, {}, {}, about.digits)


def templates(group: Group, evaluations: Mapping[str, Evaluation], setting: str) -> Figure | None:
    """A mark for every template's score: how much the wording matters."""
    place, clusters = svg.percent(0, 100), defaultdict(list)
    models = _models(evaluations, setting)
    for line in group.names:
        lanes, values, cluster = [], [], ""
        for model in models:
            task = model.tasks.get(line)
            if task is None or task.mean is None or not task.higher_is_better or len(task.templates) < 2:
                continue
            known = {one.template: one.scores[task.metric] for one in task.templates}
            lanes.append([_template_mark(place, model, *one) for one in known.items()])
            values.append(Value(model.number, f"{number(min(known.values()))} to {number(max(known.values()))}"))
            cluster = task.cluster
        if lanes:
            row = Row(line, "", _lanes(lanes, _grid(place, (0, 100), len(lanes))), values)
            clusters[CLUSTERS.get(cluster, cluster)].append(row)
    if not clusters:
        return None
    return Figure("Template by template", "", svg.axis(place, svg.ticks(0, 100)), clusters)


def _models(evaluations: Mapping[str, Evaluation], setting: str) -> list[_Model]:
    """The models that stand side by side in a setting."""
    found = []
    for order, (name, one) in enumerate(evaluations.items()):
        own = one.in_setting(setting)
        if own is not None:
            tasks = {task.name: task for task in one.summaries[own].tasks}
            found.append(_Model(order, name, one.blocks[own], tasks))
    return found


def _template_mark(place: svg.Place, model: _Model, writer: str, value: float) -> str:
    said = f"{model.name}, template {writer}: {number(value)}"
    return svg.mark(place(value), 0, f"m{model.number} faint", model.number, 0.8, said)


def _forest(
    title: str,
    about: str,
    rows: Mapping[str, Mapping[_Model, Interval]],
    notes: Mapping[str, str],
    guesses: Mapping[str, float],
    digits: int = 1,
) -> Figure | None:
    ends = [end for some in rows.values() for one in some.values() for end in (one.low, one.high)]
    if not ends:
        return None
    span = min(0.0, *ends), 100.0 if digits == 1 else max(ends) * 1.05
    place, clusters = svg.percent(*span), defaultdict(list)
    for line, some in rows.items():
        grid = _grid(place, span, len(some))
        if line in guesses:
            grid.append(svg.rule(place(guesses[line]), 0, _LANE * len(some), "guess"))
        drawn = _lanes([_interval(place, model, value, digits) for model, value in some.items()], grid)
        values = [Value(model.number, _said(value, digits)) for model, value in some.items()]
        cluster = next(iter(some)).blocks[line].cluster
        clusters[CLUSTERS.get(cluster, cluster)].append(Row(line, notes.get(line, ""), drawn, values))
    return Figure(title, about, svg.axis(place, svg.ticks(*span)), clusters)


def _interval(place: svg.Place, model: _Model, value: Interval, digits: int) -> list[str]:
    kind = f"m{model.number}"
    said = f"{model.name}: {_said(value, digits)}"
    return [
        svg.bar(place(value.low), place(value.high), 0, kind),
        svg.mark(place(value.value), 0, kind, model.number, said=said),
    ]


def _said(value: Interval, digits: int) -> str:
    return f"{number(value.value, digits)} {bounds(value, digits)}"


def _grid(place: svg.Place, span: tuple[float, float], lanes: int) -> list[str]:
    return [svg.rule(place(value), 0, _LANE * lanes, "grid") for value in svg.ticks(*span)]


def _lanes(lanes: Sequence[Sequence[str]], grid: Sequence[str]) -> str:
    """Marks one below another: each lane is drawn around its own zero."""
    drawn = [
        f'<svg y="{_LANE * (number + 0.5):g}" overflow="visible">{"".join(lane)}</svg>'
        for number, lane in enumerate(lanes)
    ]
    return svg.strip([*grid, *drawn], _LANE * len(lanes))
