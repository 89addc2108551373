"""The T0 row: on each of T0's evaluation sets, how the scores of promptsource's prompts lie, beside what T0 printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openflan.evaluation.analysis.references import Reference
from openflan.evaluation.analysis.summary import TaskScore
from openflan.evaluation.analysis.t0 import (
    Printed,
    Spread,
    spread,
    t0_columns,
    t0_notes,
    t0_printed,
    t0_sets,
    t0_statuses,
)
from openflan.report import svg
from openflan.report.evaluations import Evaluation, Found
from openflan.report.forest import LANE, Value, lanes
from openflan.report.words import number


@dataclass(frozen=True)
class Ours:
    """A model's prompts on one set: its place among the models, its name, its scores by prompt, and how they lie."""

    order: int
    model: str
    scores: Mapping[str, float]
    spread: Spread


@dataclass(frozen=True)
class Line:
    """One evaluation set: the drawing, our models' numbers, and a text for each printed column."""

    name: str
    drawn: str
    values: Sequence[Value]
    printed: Sequence[str]


@dataclass(frozen=True)
class Row:
    """The whole table: the models that were printed, the axis, a line per set, and what its marks mean."""

    columns: Sequence[str]
    axis: str
    lines: Sequence[Line]
    marks: Sequence[str]


def t0_row(found: Found) -> Row | None:
    """The table of what a folder holds; None where nothing was asked with promptsource's prompts."""
    ours = measured(found.evaluations)
    if not ours:
        return None
    place = svg.percent(0, 100)
    lines = [_line(name, some, place) for name, some in ours.items()]
    marks = [f"{Reference(0, key).mark} {what}." for key, what in t0_statuses().items() if Reference(0, key).mark]
    return Row(list(t0_columns().values()), svg.axis(place, svg.ticks(0, 100)), lines, [*marks, *t0_notes()])


def measured(evaluations: Mapping[str, Evaluation]) -> dict[str, list[Ours]]:
    """Our models on T0's sets, in T0's order; sets that were not measured are left out."""
    found: dict[str, list[Ours]] = {name: [] for name in t0_sets()}
    for order, (model, one) in enumerate(evaluations.items()):
        for task in _tasks(one):
            scores = {template.template: template.scores[task.metric] for template in task.templates}
            if task.name in found and scores:
                found[task.name].append(Ours(order, model, scores, spread(list(scores.values()))))
    return {name: some for name, some in found.items() if some}


def as_data(found: Found) -> dict[str, Any]:
    """The same as plain values, for `summary.json`: set → model → median, quartiles, range and prompts."""
    return {
        name: {one.model: {**one.spread._asdict(), "iqr": one.spread.iqr, "prompts": dict(one.scores)} for one in some}
        for name, some in measured(found.evaluations).items()
    }


def _tasks(one: Evaluation) -> Sequence[TaskScore]:
    """The datasets that a model was asked about in promptsource's words, in the first setting that has them."""
    settings: Mapping[str, Any] = one.results.plan.get("settings", {})
    asked = [name for name in one.summaries if settings.get(name, {}).get("writers") == "promptsource"]
    return one.summaries[asked[0]].tasks if asked else ()


def _line(name: str, some: Sequence[Ours], place: svg.Place) -> Line:
    height = LANE * len(some)
    grid = [svg.rule(place(value), 0, height, "grid") for value in svg.ticks(0, 100)]
    values = [Value(one.order, one.model, f"{number(one.spread.median)} ({number(one.spread.iqr)})") for one in some]
    printed = t0_printed(name)
    return Line(
        name,
        lanes([_drawn(one, place) for one in some], grid, height),
        values,
        [_text(printed[column]) for column in t0_columns()],
    )


def _drawn(one: Ours, place: svg.Place) -> list[str]:
    """A faint mark for every prompt, a bar from quartile to quartile, and the median."""
    kind = f"m{one.order}"
    prompts = [
        svg.mark(place(score), 0, f"{kind} faint", one.order, 0.7, f"{prompt}: {number(score)}")
        for prompt, score in one.scores.items()
    ]
    said = f"{one.model}: median {number(one.spread.median)}"
    ends = svg.bar(place(one.spread.low), place(one.spread.high), 0, kind)
    return [*prompts, ends, svg.mark(place(one.spread.median), 0, kind, one.order, said=said)]


def _text(printed: Printed) -> str:
    """Median and mean: `64.1ᴿ (64.6)`, with a dagger where the model was trained on the set."""
    return f"{_figure(printed.median)} ({_figure(printed.mean)})" + (" †" if printed.trained else "")


def _figure(one: Reference | None) -> str:
    """With a second digit where it was printed with one: `80.83`, `53.0`."""
    return "–" if one is None else f"{one.value:.2f}".removesuffix("0") + one.mark
