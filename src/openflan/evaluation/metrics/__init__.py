"""Metrics by the names cards use, each as additive statistics.

A metric turns every judged prompt into a short vector of *statistics*, and the sum of those vectors into scores. A
mean is (value, 1); BLEU keeps n-gram matches and lengths, F1 its true positives, a correlation its moments. So one
and the same code scores a test set, resamples it ten thousand times and tests two models against each other, for a
corpus metric as for a mean (`openflan.evaluation.analysis.statistics`).

Scores lie between 0 and 100, save word edit distance (edits per prompt, fewer is better) and loss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openflan.evaluation.metrics import generation, qa
from openflan.tasks.card import Metric

Array = NDArray[np.float64]


class Judged(NamedTuple):
    """A prediction and what it is judged by.

    `options` are the prompt's options in the dataset's order, `group` joins what is judged together (MultiRC).
    """

    prediction: str
    references: Sequence[str]
    options: Sequence[str] = ()
    group: str | None = None


@dataclass(frozen=True)
class Scorable:
    """How one metric scores.

    `statistics` maps n judged prompts to float64 [n, s]; `score` maps sums [..., s] to scores [..., len(names)]. The
    first of `names` is the one that stands for the dataset in tables and averages.
    """

    names: tuple[str, ...]
    statistics: Callable[[Sequence[Judged]], Array]
    score: Callable[[Array], Array]
    higher_is_better: bool = True
    per_prompt: bool = True
    is_percentage: bool = True

    @property
    def primary(self) -> str:
        """The score that stands for the dataset."""
        return self.names[0]

    def scores(self, judged: Sequence[Judged]) -> dict[str, float]:
        """The scores of a set of prompts, by name."""
        values = self.score(self.statistics(judged).sum(axis=0))
        return dict(zip(self.names, values.tolist(), strict=True))


def _means(sums: Array) -> Array:
    """Statistics are values and a last column that counts: means in per cent."""
    return 100 * _ratio(sums[..., :-1], sums[..., -1:])


def _ratio(top: Array, bottom: Array) -> Array:
    """`top / bottom`, 0 where there is nothing to divide by."""
    bottom = np.broadcast_to(bottom, top.shape)
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom != 0)


def _mean_of(*judges: Callable[[str, Sequence[str]], float]) -> Callable[[Sequence[Judged]], Array]:
    def statistics(judged: Sequence[Judged]) -> Array:
        rows = [[judge(one.prediction, one.references) for judge in judges] + [1.0] for one in judged]
        return np.array(rows, dtype=np.float64).reshape(len(judged), len(judges) + 1)

    return statistics


def is_correct(prediction: str, references: Sequence[str]) -> float:
    """Any of the gold answers counts (ReCoRD has several)."""
    return float(prediction.strip() in {reference.strip() for reference in references})


def _multirc_statistics(judged: Sequence[Judged]) -> Array:
    """True, false and missed positives; questions answered wholly right, and questions (counted at their first answer).

    The positive class is the last option: the dataset's order is false, true.
    """
    rows = np.zeros((len(judged), 5))
    right: dict[str | int, list[bool]] = {}
    first: dict[str | int, int] = {}
    for number, one in enumerate(judged):
        said, is_so = one.prediction == one.options[-1], one.options[-1] in one.references
        rows[number, :3] = said and is_so, said and not is_so, is_so and not said
        question = number if one.group is None else one.group
        right.setdefault(question, []).append(said == is_so)
        first.setdefault(question, number)
    for question, answers in right.items():
        rows[first[question], 3:] = all(answers), 1
    return rows


def _multirc_score(sums: Array) -> Array:
    true, false, missed, exact, questions = np.moveaxis(sums, -1, 0)
    return 100 * np.stack([_ratio(2 * true, 2 * true + false + missed), _ratio(exact, questions)], axis=-1)


_NUMBER = re.compile(r"[-+]?\d*\.?\d+")


def _number(text: str) -> float:
    """The number a text begins with; -1, off STS-B's scale, when it is none (as T5's evaluation has it)."""
    found = _NUMBER.match(text.strip())
    return float(found.group()) if found else -1.0


def _ranks(values: Array) -> Array:
    """Ranks from 1, ties at their mean."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def _correlation_statistics(judged: Sequence[Judged]) -> Array:
    """The count, then the moments of values and of their ranks, centred for precision.

    Under resampling the ranks stay those of the whole set, which Spearman's interval can afford.
    """
    said = np.array([_number(one.prediction) for one in judged])
    gold = np.array([_number(one.references[0]) for one in judged])
    columns = [np.ones(len(judged))]
    for x, y in ((said, gold), (_ranks(said), _ranks(gold))):
        x, y = (x - x.mean(), y - y.mean()) if len(judged) else (x, y)
        columns += [x, y, x * x, y * y, x * y]
    return np.stack(columns, axis=-1)


def _correlation_score(sums: Array) -> Array:
    count, moments = sums[..., 0], np.moveaxis(sums[..., 1:], -1, 0)
    correlations = []
    for x, y, xx, yy, xy in (moments[:5], moments[5:]):
        spread = (count * xx - x * x) * (count * yy - y * y)
        correlations.append(_ratio(count * xy - x * y, np.sqrt(np.maximum(spread, 0))))
    return 100 * np.stack(correlations, axis=-1)


METRICS: dict[Metric, Scorable] = {
    "accuracy": Scorable(("accuracy",), _mean_of(is_correct), _means),
    "exact_match": Scorable(("exact_match",), _mean_of(is_correct), _means),
    "squad": Scorable(("f1", "exact_match"), _mean_of(qa.squad_f1, qa.squad_exact), _means),
    "trivia_qa": Scorable(("exact_match", "f1"), _mean_of(qa.trivia_exact, qa.trivia_f1), _means),
    "multirc": Scorable(("f1", "exact_match"), _multirc_statistics, _multirc_score, per_prompt=False),
    "correlation": Scorable(
        ("pearson", "spearman"), _correlation_statistics, _correlation_score, per_prompt=False, is_percentage=False
    ),
    "bleu": Scorable(
        ("bleu",),
        lambda judged: generation.bleu_statistics([(one.prediction, one.references) for one in judged]),
        generation.bleu_score,
    ),
    "rouge": Scorable(
        ("rougeLsum", "rouge1", "rouge2"),
        lambda judged: generation.rouge_statistics([(one.prediction, one.references) for one in judged]),
        _means,
    ),
    "edit_distance": Scorable(
        ("edit_distance",),
        _mean_of(generation.word_edits),
        lambda sums: _means(sums) / 100,
        higher_is_better=False,
        is_percentage=False,
    ),
}
"""The metrics of cards (spec of each: the paper's section 3 and appendix; SQuAD, MultiRC and STS-B as in their
papers)."""


def is_option(text: str, options: Sequence[str]) -> bool:
    """Whether a generated answer is one of the options, letter case and closing full stop aside."""
    said = _plain(text)
    return any(said == _plain(option) for option in options)


def chosen_option(text: str, options: Sequence[str]) -> str:
    """The option a generated answer spells, or the text as it stands when it spells none."""
    said = _plain(text)
    return next((option for option in options if said == _plain(option)), text)


def _plain(text: str) -> str:
    return text.strip().rstrip(".").casefold()
