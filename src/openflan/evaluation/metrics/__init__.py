"""Metrics by the names cards use, each as additive statistics.

A metric turns every judged prompt into a short vector of *statistics*, and the sum of those vectors into scores. A
mean is (value, 1); BLEU keeps n-gram matches and lengths, F1 its true positives, a correlation its moments. So one
and the same code scores a test set, resamples it ten thousand times and tests two models against each other, for a
corpus metric as for a mean (`openflan.evaluation.analysis.statistics`).

Scores lie between 0 and 100, save word edit distance (edits per prompt, fewer is better) and loss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openflan.errors import UnknownNameError
from openflan.evaluation.metrics import generation, qa
from openflan.evaluation.metrics.words import out_of_reach, tokenizer
from openflan.letters import nfc
from openflan.tasks.metric import SCORES, WORDED, MetricSpec, parse_metric

Array = NDArray[np.float64]


class Judged(NamedTuple):
    """A prediction and what it is judged by.

    `options` are the prompt's options in the dataset's order, `group` joins what is judged together (MultiRC).
    """

    prediction: str
    references: Sequence[str]
    options: Sequence[str] = ()
    group: str | None = None


Statistics = Callable[[Sequence[Judged]], Array]


@dataclass(frozen=True)
class Scorable:
    """How one metric scores.

    `statistics` maps n judged prompts to float64 [n, s]; `score` maps sums [..., s] to scores [..., len(names)]. The
    first of `names` is the one that stands for the dataset in tables and averages.
    """

    names: tuple[str, ...]
    statistics: Statistics
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


def _mean_of(*judges: Callable[[str, Sequence[str]], float]) -> Statistics:
    def statistics(judged: Sequence[Judged]) -> Array:
        rows = [[judge(one.prediction, one.references) for judge in judges] + [1.0] for one in judged]
        return np.array(rows, dtype=np.float64).reshape(len(judged), len(judges) + 1)

    return statistics


def is_correct(prediction: str, references: Sequence[str]) -> float:
    """Any of the gold answers counts (ReCoRD has several)."""
    return float(nfc(prediction.strip()) in {nfc(reference.strip()) for reference in references})


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
    """The count, then the moments of values and of their ranks.

    Values are centred, for precision, at the mean of the right ones: the same for every model, so that answers of two
    models can be swapped. Under resampling the ranks stay those of the whole set, which Spearman's interval can afford.
    """
    said = np.array([_number(one.prediction) for one in judged])
    gold = np.array([_number(one.references[0]) for one in judged])
    columns = [np.ones(len(judged))]
    for x, y in ((said, gold), (_ranks(said), _ranks(gold))):
        x, y = (x - y.mean(), y - y.mean()) if len(judged) else (x, y)
        columns += [x, y, x * x, y * y, x * y]
    return np.stack(columns, axis=-1)


def _correlation_score(sums: Array) -> Array:
    count, moments = sums[..., 0], np.moveaxis(sums[..., 1:], -1, 0)
    correlations = []
    for x, y, xx, yy, xy in (moments[:5], moments[5:]):
        spread = (count * xx - x * x) * (count * yy - y * y)
        correlations.append(_ratio(count * xy - x * y, np.sqrt(np.maximum(spread, 0))))
    return 100 * np.stack(correlations, axis=-1)


def metric(text: str) -> Scorable:
    """A metric by its line in a card or in results, `rouge` or `rouge(tokenize=zh)`; raises `UnknownNameError`."""
    try:
        return _metric(parse_metric(text))
    except ValueError as fault:
        raise UnknownNameError(str(fault)) from None


@lru_cache(maxsize=64)
def _metric(spec: MetricSpec) -> Scorable:
    made = _MAKERS[spec.name](spec)
    return replace(made, statistics=_composed(made.statistics))


def _composed(statistics: Statistics) -> Statistics:
    """The statistics of texts whose letters are composed."""

    def of(judged: Sequence[Judged]) -> Array:
        return statistics(
            [Judged(nfc(one.prediction), _nfc(one.references), _nfc(one.options), one.group) for one in judged]
        )

    return of


def _nfc(texts: Sequence[str]) -> list[str]:
    return [nfc(text) for text in texts]


def _pairs(judged: Sequence[Judged]) -> generation.Texts:
    return [(one.prediction, one.references) for one in judged]


def _right(spec: MetricSpec) -> Scorable:
    return Scorable(spec.scores, _mean_of(is_correct), _means)


def _conclusion(spec: MetricSpec) -> Scorable:
    return Scorable(spec.scores, _mean_of(qa.same_conclusion), _means)


def _short_answers(spec: MetricSpec) -> Scorable:
    normal = qa.squad_normal if spec.name == "squad" else qa.trivia_normal
    exact, f1 = qa.short_answers(normal, spec.tokenize)
    judges = {"exact_match": exact, "f1": f1}
    return Scorable(spec.scores, _mean_of(*(judges[name] for name in spec.scores)), _means)


def _multirc(spec: MetricSpec) -> Scorable:
    turned = [SCORES["multirc"].index(name) for name in spec.scores]
    return Scorable(spec.scores, _multirc_statistics, lambda sums: _multirc_score(sums)[..., turned], per_prompt=False)


def _correlation(spec: MetricSpec) -> Scorable:
    return Scorable(spec.scores, _correlation_statistics, _correlation_score, per_prompt=False, is_percentage=False)


def _bleu(spec: MetricSpec) -> Scorable:
    return Scorable(
        spec.scores, lambda judged: generation.bleu_statistics(_pairs(judged), spec.tokenize), generation.bleu_score
    )


def _rouge(spec: MetricSpec) -> Scorable:
    return Scorable(
        spec.scores,
        lambda judged: generation.rouge_statistics(_pairs(judged), spec.scores, spec.tokenize),
        _means,
    )


def _natural_instructions(spec: MetricSpec) -> Scorable:
    """ROUGE-L over stems and exact match, each at the reference that suits it best (Wang et al. 2022)."""
    exact, _ = qa.short_answers(qa.instructions_normal)
    turned = [SCORES["natural_instructions"].index(name) for name in spec.scores]

    def statistics(judged: Sequence[Judged]) -> Array:
        rouge = generation.rouge_statistics(_pairs(judged), ("rougeL",), spec.tokenize, stem=True)
        right = _mean_of(exact)(judged)
        return np.stack([rouge[:, 0], right[:, 0]], axis=-1)[:, turned]

    return Scorable(spec.scores, lambda judged: np.hstack([statistics(judged), np.ones((len(judged), 1))]), _means)


def _edit_distance(spec: MetricSpec) -> Scorable:
    return Scorable(
        spec.scores,
        _mean_of(generation.edits_with(spec.tokenize)),
        lambda sums: _means(sums) / 100,
        higher_is_better=False,
        is_percentage=False,
    )


_MAKERS: dict[str, Callable[[MetricSpec], Scorable]] = {
    "accuracy": _right,
    "exact_match": _right,
    "final_answer": _conclusion,
    "squad": _short_answers,
    "trivia_qa": _short_answers,
    "multirc": _multirc,
    "correlation": _correlation,
    "bleu": _bleu,
    "rouge": _rouge,
    "edit_distance": _edit_distance,
    "natural_instructions": _natural_instructions,
}
"""The metrics of cards (spec of each: the paper's section 3 and appendix; SQuAD, MultiRC and STS-B as in their
papers)."""


def check_extras(metrics: Iterable[str]) -> None:
    """Raise `MissingExtraError` where a metric lacks a package or a tokenizer, before any work is done for it."""
    for spec in sorted({parse_metric(text) for text in metrics}):
        if spec.tokenize:
            tokenizer(spec.tokenize)
        if spec.name == "bleu":
            generation.bleu_of(spec.tokenize)
        if spec.name == "rouge":
            generation.rouge_of(spec.scores, spec.tokenize)
        if spec.name == "natural_instructions":
            generation.rouge_of(("rougeL",), spec.tokenize, stem=True)


def refusal(metric: str, references: Iterable[str]) -> str | None:
    """Why a metric says nothing about answers like these (their script); None where it does."""
    spec = parse_metric(metric)
    return out_of_reach(spec.name, spec.tokenize, references) if spec.name in WORDED else None


def is_option(text: str, options: Sequence[str]) -> bool:
    """Whether a generated answer is one of the options, letter case and closing full stop aside."""
    said = _plain(text)
    return any(said == _plain(option) for option in options)


def chosen_option(text: str, options: Sequence[str]) -> str:
    """The option a generated answer spells, the more exactly the better; the text as it stands when it spells none."""
    for form in (_exact, _unstopped, _plain):
        for option in options:
            if form(option) == form(text):
                return option
    return text


_FULL_STOPS = ".。．｡।۔"


def _exact(text: str) -> str:
    return nfc(text).strip()


def _unstopped(text: str) -> str:
    return _exact(text).rstrip(_FULL_STOPS)


def _plain(text: str) -> str:
    return nfc(_unstopped(text).casefold())
