"""What a study found, read from its folder alone: one line per cell, measured model, setting and dataset or cluster.

An evaluation that several cells share (the untuned model's) is one line: on the axes along which it is shared it has
no value. Lines of several seeds become one, whose interval is over trainings; with one seed it is over examples.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from openflan.errors import OpenflanError
from openflan.evaluation.analysis.comparison import Comparison, Difference, compare
from openflan.evaluation.analysis.statistics import Interval
from openflan.evaluation.analysis.summary import ClusterScore, Summary, TaskScore, summarize
from openflan.evaluation.results import Results, ResultsError, read_results
from openflan.model.default import resolve
from openflan.model.load import load_config
from openflan.study.drive import PlannedStudy
from openflan.study.spec import ARCHITECTURE, ASKED, CLUSTER, MEASURED, SEED, Contrast

ALL = "all"
"""The cluster of a mean over clusters."""

_T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Student's t at 97.5 % for so many values; 2.2 beyond."""

At = Mapping[str, str]
"""A result's place: field → value, empty where all values share it."""


@dataclass(frozen=True)
class Line:
    """A result. `name` is a dataset's, a cluster's, or `all`; `std` is the deviation between templates (of a cluster:
    the mean of its datasets'), `best` the score of the template that is best on dev; `seeds` trainings are behind it.
    """

    at: At
    level: str
    name: str
    metric: str
    mean: Interval
    std: float | None
    best: Interval | None
    best_template: str | None
    templates: int
    rows: int
    seeds: int = 1


@dataclass(frozen=True)
class Gap:
    """A paired difference along one field: `to` less `from` on a dataset, a cluster or all clusters."""

    over: str
    begin: str
    end: str
    at: At
    level: str
    name: str
    first: float
    second: float
    difference: Interval
    p: float | None
    examples: int
    seeds: int = 1


class _Found(NamedTuple):
    """An evaluation, where it stands, and its scores."""

    at: At
    results: Results
    setting: str


@dataclass(frozen=True)
class Findings:
    """All results of a study; `missing` are evaluations that are not there, with the reason."""

    lines: Sequence[Line]
    gaps: Sequence[Gap]
    missing: Mapping[str, str]
    notes: Sequence[str]


def findings(planned: PlannedStudy) -> Findings:
    """Read a study's results; raises `ResultsError` where there is none yet."""
    found, missing = _evaluations(planned)
    if not found:
        raise ResultsError(f"nothing to report on in {planned.folder}: no evaluation has been finished yet")
    lines = [line for one in found for line in _lines(one)]
    gaps = [gap for contrast in planned.study.contrasts for gap in _gaps(contrast, found)]
    notes = dict.fromkeys(note for one in found for note in one.results.notes)
    return Findings(_over_seeds(lines), _gaps_over_seeds(gaps), missing, list(notes))


def _evaluations(planned: PlannedStudy) -> tuple[list[_Found], dict[str, str]]:
    places: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    by_kind = ARCHITECTURE in planned.study.fields_named()
    for cell in planned.cells:
        kind = {ARCHITECTURE: architecture(cell.recipe.model.path)} if by_kind else {}
        for measured, place in cell.evaluations.items():
            places[place, measured].append({**cell.at, **kind, SEED: str(cell.seed)})
    found, missing = [], dict[str, str]()
    for (place, measured), cells in places.items():
        try:
            results = read_results(planned.store / place)
        except ResultsError as error:
            missing[f"{measured} of {_named(cells)}"] = str(error)
            continue
        shared = {field: _only([cell[field] for cell in cells]) for field in cells[0]}
        found += [_Found({**shared, MEASURED: measured, ASKED: asked}, results, asked) for asked in results.settings]
    return found, missing


def _only(values: Sequence[str]) -> str:
    """The value that cells have in common; none where they differ."""
    return values[0] if len(set(values)) == 1 else ""


@lru_cache(maxsize=64)
def architecture(model: str) -> str:
    """What kind of model a folder holds: `causal` or `encoder-decoder`; nothing where it is no longer there."""
    with suppress(OpenflanError):
        return "encoder-decoder" if load_config(resolve(model)).is_encoder_decoder else "causal"
    return ""


def _named(cells: Sequence[Mapping[str, str]]) -> str:
    return " and ".join("-".join(value for field, value in cell.items() if field != SEED) for cell in cells[:3])


def _lines(one: _Found) -> Iterator[Line]:
    summary = summarize(one.results, one.setting)
    for task in summary.tasks:
        if task.mean is not None:
            yield _task_line(one.at, task, task.mean)
    known = {task.name: task for task in summary.tasks}
    for cluster in summary.clusters:
        yield _cluster_line(one.at, cluster, "cluster", [known[name] for name in cluster.members])
    if average := _average(summary):
        yield _cluster_line(one.at, average, ALL, [task for task in summary.tasks if task.higher_is_better])


def _average(summary: Summary) -> ClusterScore | None:
    """The mean over clusters; that of the only cluster where there is one."""
    if summary.average is not None:
        return summary.average
    return summary.clusters[0] if summary.clusters else None


def _task_line(at: At, task: TaskScore, mean: Interval) -> Line:
    return Line(
        at={**at, CLUSTER: task.cluster},
        level="dataset",
        name=task.name,
        metric=task.metric,
        mean=mean,
        std=task.std if len(task.templates) > 1 else None,
        best=task.best,
        best_template=task.best_template,
        templates=len(task.templates),
        rows=task.rows,
    )


def _cluster_line(at: At, score: ClusterScore, level: str, members: Sequence[TaskScore]) -> Line:
    spread = [task.std for task in members if len(task.templates) > 1]
    name = score.cluster if level == "cluster" else ALL
    return Line(
        at={**at, CLUSTER: name},
        level=level,
        name=name,
        metric="average",
        mean=score.mean,
        std=float(np.mean(spread)) if spread else None,
        best=score.best,
        best_template=None,
        templates=max((len(task.templates) for task in members), default=0),
        rows=sum(task.rows for task in members),
    )


def _gaps(contrast: Contrast, found: Sequence[_Found]) -> Iterator[Gap]:
    """The paired differences of every two evaluations that differ in the contrast's field alone.

    One that has no value on an axis stands for all of its values; one asked in its own way alone (the untuned model's
    GPT-3-style prompts) is held against every setting.
    """
    firsts = [one for one in found if one.at[contrast.over] == contrast.begin]
    seconds = [one for one in found if one.at[contrast.over] == contrast.end]
    for second in seconds:
        for first in firsts:
            if not _match(first, second, contrast.over):
                continue
            try:
                compared = compare(first.results, second.results, first.setting, second_setting=second.setting)
            except ResultsError:
                continue
            yield from _as_gaps(contrast, second.at, compared)


def _match(first: _Found, second: _Found, over: str) -> bool:
    own_way = over == MEASURED and len(first.results.settings) == 1 and first.setting not in second.results.settings
    ignored = {over, ASKED} if own_way else {over}
    return all(
        value == second.at[field] or not value or not second.at[field]
        for field, value in first.at.items()
        if field not in ignored
    )


def _as_gaps(contrast: Contrast, at: At, compared: Comparison) -> Iterator[Gap]:
    clusters = list(compared.clusters)
    for level, some in (("dataset", compared.tasks), ("cluster", clusters), (ALL, _mean_of(clusters))):
        for one in some:
            name = one.name if level != ALL else ALL
            cluster = one.cluster if level != ALL else ALL
            yield Gap(
                contrast.over, contrast.begin, contrast.end, {**at, CLUSTER: cluster}, level, name,
                one.first, one.second, one.difference, one.p, one.examples,
            )  # fmt: skip


def _mean_of(clusters: Sequence[Difference]) -> list[Difference]:
    """The mean over clusters, whose examples are drawn independently of each other: variances add up."""
    if len(clusters) < 2:
        return list(clusters)
    values = [one.difference for one in clusters]
    value = float(np.mean([one.value for one in values]))
    below, above = (
        math.sqrt(sum(end**2 for end in ends)) / len(values)
        for ends in ([one.value - one.low for one in values], [one.high - one.value for one in values])
    )
    mean = replace(
        clusters[0],
        first=float(np.mean([one.first for one in clusters])),
        second=float(np.mean([one.second for one in clusters])),
        difference=Interval(value, value - below, value + above),
        examples=sum(one.examples for one in clusters),
    )
    return [mean]


def over_trainings(values: Sequence[float]) -> Interval:
    """The mean of what several trainings give, with its 95 % interval (Student's t)."""
    mean = float(np.mean(values))
    half = _T.get(len(values), 2.2) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _without_seed(at: At) -> tuple[tuple[str, str], ...]:
    return tuple((field, value) for field, value in at.items() if field != SEED)


def _over_seeds(lines: Sequence[Line]) -> list[Line]:
    groups: dict[object, list[Line]] = defaultdict(list)
    for line in lines:
        groups[_without_seed(line.at), line.level, line.name].append(line)
    return [_joined_lines(group) for group in groups.values()]


def _joined_lines(group: Sequence[Line]) -> Line:
    first = replace(group[0], at=dict(_without_seed(group[0].at)))
    if len(group) == 1:
        return first
    spread = [line.std for line in group if line.std is not None]
    best = [line.best.value for line in group if line.best is not None]
    return replace(
        first,
        mean=over_trainings([line.mean.value for line in group]),
        std=float(np.mean(spread)) if spread else None,
        best=over_trainings(best) if len(best) == len(group) else None,
        best_template=None,
        seeds=len(group),
    )


def _gaps_over_seeds(gaps: Sequence[Gap]) -> list[Gap]:
    groups: dict[object, list[Gap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.over, gap.begin, gap.end, _without_seed(gap.at), gap.level, gap.name].append(gap)
    return [_joined_gaps(group) for group in groups.values()]


def _joined_gaps(group: Sequence[Gap]) -> Gap:
    first = replace(group[0], at=dict(_without_seed(group[0].at)))
    if len(group) == 1:
        return first
    return replace(
        first,
        first=float(np.mean([gap.first for gap in group])),
        second=float(np.mean([gap.second for gap in group])),
        difference=over_trainings([gap.difference.value for gap in group]),
        p=None,
        seeds=len(group),
    )
