"""From scored prompts to the numbers of the paper's tables (section 3).

Per dataset: the mean and the standard deviation over templates, and the template that is best on the dev split, on
the test split. Per cluster: the mean of its datasets' scores, each ANLI round and each ARC set counting as one, as
Figure 1 forms it (its figures are reproduced from Table 2 that way). Intervals are 95 % bootstrap intervals over
examples.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from openflan.evaluate.metrics import Array
from openflan.evaluate.results import Results
from openflan.evaluate.scored import Block, blocks, prediction
from openflan.evaluate.statistics import SAMPLES, Interval, bootstrap, interval


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
    per token, written answers in per cent), each as a mean over templates.
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
    templates: Sequence[TemplateScore]
    rows: int
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
    """What an evaluation comes to."""

    name: str
    tasks: Sequence[TaskScore]
    clusters: Sequence[ClusterScore]
    notes: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Replicates:
    """Bootstrap replicates [samples] of a task's mean and of its best-dev template."""

    mean: Array
    best: Array | None


def summarize(results: Results, split: str = "test", samples: int = SAMPLES) -> Summary:
    """Score `split`, choosing best templates on `dev` where that was evaluated too."""
    dev = blocks(results, "dev")
    scored = [_task_score(block, dev.get(name), samples) for name, block in blocks(results, split).items()]
    return Summary(results.name, [task for task, _ in scored], _cluster_scores(scored), list(results.notes))


def best_template(dev: Block | None, templates: Sequence[str]) -> str | None:
    """The template that scores best on the dev split, the first of equals."""
    if dev is None or not dev.templates:
        return None
    scores = template_scores(dev)[:, 0] * (1 if dev.metric.higher_is_better else -1)
    ranked = sorted(zip(-scores, range(len(scores)), dev.templates, strict=True))
    return next((name for _, _, name in ranked if name in templates), None)


def template_scores(block: Block) -> Array:
    """The metric's scores per template: [templates, m]."""
    return block.metric.score(block.sums(block.units()).sum(axis=1))


def _task_score(block: Block, dev: Block | None, samples: int) -> tuple[TaskScore, _Replicates | None]:
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
        templates=[],
        rows=len({row["row"] for row in block.rows}),
        failures=Counter(row["failure"] for row in block.rows if row["failure"]),
    )
    return _over_templates(score, block, dev, samples) if block.templates else (score, None)


def _over_templates(score: TaskScore, block: Block, dev: Block | None, samples: int) -> tuple[TaskScore, _Replicates]:
    metric, templates = block.metric, block.templates
    sums = block.sums(block.units())
    scores = metric.score(sums.sum(axis=1))
    replicates = bootstrap(sums, metric.score, block.key, samples)[..., 0]
    best, of_mean, of_best = best_template(dev, templates), replicates.mean(axis=1), None
    if best is not None:
        chosen = templates.index(best)
        of_best = replicates[:, chosen]
        score = replace(score, best_template=best, best=interval(scores[chosen, 0], of_best))
    score = replace(
        score,
        mean=interval(scores[:, 0].mean(), of_mean),
        std=float(scores[:, 0].std(ddof=1)) if len(templates) > 1 else 0.0,
        scores=dict(zip(metric.names, scores.mean(axis=0).tolist(), strict=True)),
        templates=[_template_score(block, name, values) for name, values in zip(templates, scores, strict=True)],
    )
    return score, _Replicates(of_mean, of_best)


def _template_score(block: Block, template: str, values: Array) -> TemplateScore:
    rows = block.by_template()[template]
    return TemplateScore(
        template=template,
        scores=dict(zip(block.metric.names, values.tolist(), strict=True)),
        prompts=sum(prediction(row) is not None for row in rows),
        failed=sum(row["failure"] is not None for row in rows),
        shots=float(np.mean([row["shots"] for row in rows])),
    )


def _cluster_scores(scored: Sequence[tuple[TaskScore, _Replicates | None]]) -> list[ClusterScore]:
    members: dict[str, list[tuple[TaskScore, _Replicates]]] = defaultdict(list)
    for task, replicates in scored:
        if replicates is not None and task.higher_is_better:
            members[task.cluster].append((task, replicates))
    return [_cluster_score(cluster, some) for cluster, some in members.items()]


def _cluster_score(cluster: str, members: Sequence[tuple[TaskScore, _Replicates]]) -> ClusterScore:
    means = [(task.mean.value, found.mean) for task, found in members if task.mean]
    bests = [(task.best.value, found.best) for task, found in members if task.best and found.best is not None]
    return ClusterScore(
        cluster,
        _averaged(means),
        _averaged(bests) if len(bests) == len(members) else None,
        [task.name for task, _ in members],
    )


def _averaged(scores: Sequence[tuple[float, Array]]) -> Interval:
    """The mean of scores; datasets are resampled independently of each other."""
    return interval(
        float(np.mean([value for value, _ in scores])), np.mean([replicates for _, replicates in scores], axis=0)
    )
