"""From scored prompts to the numbers of the paper's tables (section 3).

Per dataset: the mean and the standard deviation over templates, and the template that is best on the dev split, on
the test split. Per cluster: the mean of its datasets' scores, each ANLI round and each ARC set counting as one, as
Figure 1 forms it (its figures are reproduced from Table 2 that way). Intervals are 95 % bootstrap intervals over
examples.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from openflan.evaluation.analysis.blocks import Block, blocks
from openflan.evaluation.analysis.statistics import SAMPLES, Interval, bootstrap, interval, with_width
from openflan.evaluation.metrics import Array
from openflan.evaluation.results import Results


@dataclass(frozen=True)
class TemplateScore:
    """One template on the test split: the metric's scores by name, prompts scored and failed, exemplars on average."""

    template: str
    scores: Mapping[str, float]
    prompts: int
    failed: int
    shots: float


@dataclass(frozen=True)
class TaskScore:
    """One line of the table.

    `mean` is absent when there is no answer to score, only the loss on right ones. `mean` and `std` are over
    templates, of the score called `metric`; `best` is that of `best_template`, chosen on the dev split (absent
    without dev scores). `scores` holds all of the metric's scores, and `further` what else was measured (loss in nats
    per token, written answers in per cent), each as a mean over templates. `shares` says how
    often each option was chosen, where all rows have the same. `shortened` and `failures` count
    prompts.
    """

    name: str
    cluster: str
    metric: str
    higher_is_better: bool
    mean: Interval | None
    std: float
    best_template: str | None
    best: Interval | None
    scores: Mapping[str, float]
    further: Mapping[str, float]
    shares: Mapping[str, float]
    templates: Sequence[TemplateScore]
    rows: int
    shortened: int
    failures: Mapping[str, int]


@dataclass(frozen=True)
class ClusterScore:
    """The mean over the datasets of a cluster whose scores run from 0 to 100."""

    cluster: str
    mean: Interval
    best: Interval | None
    members: Sequence[str]


@dataclass(frozen=True)
class Summary:
    """The scores of an evaluation in one setting; `average` is the mean over its clusters, when it has several."""

    name: str
    setting: str
    plan: Mapping[str, Any]
    tasks: Sequence[TaskScore]
    clusters: Sequence[ClusterScore]
    average: ClusterScore | None
    notes: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return dataclasses.asdict(self)


class _Point(NamedTuple):
    """A score and its bootstrap replicates [samples]."""

    value: float
    replicates: Array

    def interval(self) -> Interval:
        return interval(self.value, self.replicates)


class _Points(NamedTuple):
    """The mean over templates, and the best-dev template where there is one."""

    mean: _Point
    best: _Point | None

    def score(self, name: str, members: Sequence[str]) -> ClusterScore:
        return ClusterScore(name, self.mean.interval(), self.best and self.best.interval(), members)


def summarize(results: Results, setting: str | None = None, split: str = "test", samples: int = SAMPLES) -> Summary:
    """Score `split` in one setting (default: the first asked in), choosing best templates on `dev`, if any."""
    setting = results.settings[0] if setting is None else setting
    dev = blocks(results, "dev", setting)
    test = blocks(results, split, setting)
    scored = [_task_score(test[name], dev.get(name), samples) for name in test]
    members: dict[str, dict[str, _Points]] = defaultdict(dict)
    for task, points in scored:
        if points is not None and task.higher_is_better:
            members[task.cluster][task.name] = points
    clusters = {cluster: _average(list(some.values())) for cluster, some in members.items()}
    return Summary(
        name=results.name,
        setting=setting,
        plan=results.plan,
        tasks=[task for task, _ in scored],
        clusters=[points.score(cluster, list(members[cluster])) for cluster, points in clusters.items()],
        average=_average(list(clusters.values())).score("", list(clusters)) if len(clusters) > 1 else None,
        notes=list(results.notes),
    )


def best_template(dev: Block | None, templates: Sequence[str]) -> str | None:
    """The template that scores best on the dev split, the first of equals."""
    if dev is None or not dev.writers:
        return None
    scores = template_scores(dev)[:, 0] * (1 if dev.metric.higher_is_better else -1)
    ranked = sorted(zip(-scores, range(len(scores)), dev.writers, strict=True))
    return next((name for _, _, name in ranked if name in templates), None)


def template_scores(block: Block) -> Array:
    """The metric's scores per template: [templates, m]."""
    return block.metric.score(block.sums(block.units()).sum(axis=1))


def _task_score(block: Block, dev: Block | None, samples: int) -> tuple[TaskScore, _Points | None]:
    score = TaskScore(
        name=block.name,
        cluster=block.cluster,
        metric=block.metric.primary,
        higher_is_better=block.metric.higher_is_better,
        mean=None,
        std=0.0,
        best_template=None,
        best=None,
        scores={},
        further=block.further(),
        shares=block.option_shares(),
        templates=[],
        rows=block.answers.examples(),
        shortened=int(np.sum(block.answers.column("shortened").to_numpy())),
        failures={failure: count for failure, count in block.answers.counts("failure").items() if failure},
    )
    return _over_templates(score, block, dev, samples) if block.writers else (score, None)


def _over_templates(score: TaskScore, block: Block, dev: Block | None, samples: int) -> tuple[TaskScore, _Points]:
    metric, templates = block.metric, block.writers
    sums = block.sums(block.units())
    scores = metric.score(sums.sum(axis=1))
    replicates = bootstrap(sums, metric.score, block.key, samples)[..., 0]

    def point(value: float, drawn: Array) -> _Point:
        if metric.is_percentage:
            drawn = with_width(value, drawn, sums.shape[1], block.key, 0.0, 100.0)
        return _Point(value, drawn)

    name, best = best_template(dev, templates), None
    if name is not None:
        chosen = templates.index(name)
        best = point(float(scores[chosen, 0]), replicates[:, chosen])
    mean = point(float(scores[:, 0].mean()), replicates.mean(axis=1))
    score = replace(
        score,
        mean=mean.interval(),
        std=float(scores[:, 0].std(ddof=1)) if len(templates) > 1 else 0.0,
        best_template=name,
        best=best and best.interval(),
        scores=dict(zip(metric.names, scores.mean(axis=0).tolist(), strict=True)),
        templates=[_template_score(block, name, values) for name, values in zip(templates, scores, strict=True)],
    )
    return score, _Points(mean, best)


def _template_score(block: Block, template: str, values: Array) -> TemplateScore:
    rows, answers = block.answers.by_writer[template], block.answers
    return TemplateScore(
        template=template,
        scores=dict(zip(block.metric.names, values.tolist(), strict=True)),
        prompts=int(answers.answered[rows].sum()),
        failed=int(answers.column("failure").is_valid().to_numpy()[rows].sum()),
        shots=float(np.mean(answers.column("shots").to_numpy()[rows])),
    )


def _average(parts: Sequence[_Points]) -> _Points:
    """The mean over datasets, or over clusters; datasets are resampled independently of each other."""

    def mean(points: Sequence[_Point]) -> _Point:
        return _Point(
            float(np.mean([point.value for point in points])), np.mean([point.replicates for point in points], axis=0)
        )

    bests = [part.best for part in parts if part.best is not None]
    return _Points(mean([part.mean for part in parts]), mean(bests) if len(bests) == len(parts) else None)
