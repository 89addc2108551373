"""Forests of a study: every dataset's scores by each of its models, and paired differences, with their intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from openflan.evaluation.analysis.references import paper_columns, published
from openflan.evaluation.analysis.statistics import Interval
from openflan.report import svg
from openflan.report.forest import LANE, Row, Value, lanes
from openflan.report.forest import Figure as Forest
from openflan.report.studies.grids import label, shown
from openflan.report.words import bounds, metric_title, number
from openflan.study.results import ALL, Gap, Line
from openflan.study.spec import CLUSTER, Contrast, Figure, Study
from openflan.tasks.clusters import CLUSTERS

_Marks = list[tuple[str, Interval]]
"""Names with what they scored."""


def forest(study: Study, figure: Figure, lines: Sequence[Line]) -> tuple[Forest, list[str]] | None:
    """The forest that a figure asks for, and the names of its marks in the order of their colours."""
    rows: dict[tuple[str, str], tuple[str, _Marks]] = {}
    for line in shown(figure, lines, "dataset"):
        fields = figure.lines
        _, marks = rows.setdefault((line.at[CLUSTER], line.name), (line.metric, []))
        marks.append((label(line.at, fields), line.mean))
    for column in figure.paper:
        for (_, name), (_, marks) in rows.items():
            if (one := published(column).get(name)) is not None:
                marks.append((paper_columns()[column], Interval(one.value, one.value, one.value)))
    if not rows:
        return None
    names = list(dict.fromkeys(name for _, marks in rows.values() for name, _ in marks))
    place = svg.percent(0, 100)
    clusters: dict[str, list[Row]] = defaultdict(list)
    for (cluster, name), (metric, marks) in rows.items():
        note = metric_title(metric, True) if metric != "accuracy" else ""
        clusters[CLUSTERS.get(cluster, cluster)].append(_row(name, note, marks, names, place, svg.ticks(0, 100)))
    return Forest(figure.title, figure.about, svg.axis(place, svg.ticks(0, 100)), clusters), names


def differences(study: Study, contrast: Contrast, gaps: Sequence[Gap]) -> Forest | None:
    """The paired differences of a contrast, one row for every place it was measured at."""
    some = [gap for gap in gaps if gap.level != "dataset" and _belongs(gap, contrast)]
    # A mean over one cluster is that cluster.
    kept = [gap for gap in some if gap.level == "cluster" or not _is_alone(gap, some)]
    if not kept:
        return None
    reach = max(1.0, *(abs(end) for gap in kept for end in (gap.difference.low, gap.difference.high))) * 1.05
    place, marks = svg.percent(-reach, reach), svg.ticks(-reach, reach)
    clusters: dict[str, list[Row]] = defaultdict(list)
    for gap in kept:
        name = ", ".join(place_of(study, gap, kept)) or "all cells"
        said = f"{number(gap.first)} to {number(gap.second)}"
        title = "Mean over clusters" if gap.level == ALL else CLUSTERS.get(gap.name, gap.name)
        clusters[title].append(_row(name, said, [("", gap.difference)], [""], place, marks, signed=True))
    title = f"{contrast.end} less {contrast.begin}"
    return Forest(
        title, f"paired differences along “{contrast.over}”, 95 % intervals", svg.axis(place, marks), clusters
    )


def _belongs(gap: Gap, contrast: Contrast) -> bool:
    return (gap.over, gap.begin, gap.end) == (contrast.over, contrast.begin, contrast.end)


def _is_alone(gap: Gap, gaps: Sequence[Gap]) -> bool:
    """Whether the mean over clusters has one cluster under it."""
    place = {field: value for field, value in gap.at.items() if field != CLUSTER}
    return sum(one.level == "cluster" and place.items() <= one.at.items() for one in gaps) < 2


def place_of(study: Study, gap: Gap, gaps: Sequence[Gap]) -> Iterator[str]:
    """Where a difference was measured: its values on the fields that tell it from the others."""
    for field, value in gap.at.items():
        if value and field not in (gap.over, CLUSTER) and len({one.at[field] for one in gaps}) > 1:
            yield f"{study.title_of(field)}: {value}"


def _row(
    name: str,
    note: str,
    marks: _Marks,
    names: Sequence[str],
    place: svg.Place,
    grid: Sequence[float],
    signed: bool = False,
) -> Row:
    height = LANE * len(marks)
    drawn, values = [], []
    for who, value in marks:
        order = names.index(who) % 8
        text = number(value.value, signed=signed)
        if value.high > value.low:
            text += f" {bounds(value, signed=signed)}"
        ends = [svg.bar(place(value.low), place(value.high), 0, f"m{order}")] if value.high > value.low else []
        drawn.append([*ends, svg.mark(place(value.value), 0, f"m{order}", order, said=f"{who}: {text}")])
        values.append(Value(order, who, text))
    rules = [svg.rule(place(value), 0, height, "guess" if signed and not value else "grid") for value in grid]
    return Row(name, note, lanes(drawn, rules, height), values)
