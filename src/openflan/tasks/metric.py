"""How a card names its metric: a name, or a name with options.

| in a card | meaning |
|---|---|
| `metric: rouge` | the metric as its paper has it |
| `metric: {name: rouge, tokenize: zh}` | words as a tokenizer of sacrebleu finds them, for other scripts |
| `metric: {name: squad, score: exact_match}` | another of the metric's scores stands for the dataset |

A card keeps it as one line of text, `rouge(tokenize=zh)`, and so do results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from openflan.errors import nearest

SCORES: dict[str, tuple[str, ...]] = {
    "accuracy": ("accuracy",),
    "exact_match": ("exact_match",),
    "final_answer": ("exact_match",),
    "squad": ("f1", "exact_match"),
    "trivia_qa": ("exact_match", "f1"),
    "multirc": ("f1", "exact_match"),
    "correlation": ("pearson", "spearman"),
    "bleu": ("bleu",),
    "rouge": ("rougeLsum", "rouge1", "rouge2"),
    "edit_distance": ("edit_distance",),
    "natural_instructions": ("rougeL", "exact_match"),
}
"""The scores of every metric; the first stands for the dataset unless the card says otherwise."""

_FURTHER_SCORES: dict[str, tuple[str, ...]] = {"rouge": ("rougeL",)}
"""Scores that are computed only where a card asks for one."""

WORDED = ("squad", "trivia_qa", "bleu", "rouge", "edit_distance", "natural_instructions")
"""Metrics that take texts apart into words, and so take `tokenize`."""

TOKENIZERS = ("13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "flores101", "flores200")
"""Tokenizers by sacrebleu's names. The last four need packages or files that sacrebleu says how to get."""

_WRITTEN = re.compile(r"(\w+)(?:\(([^()]*)\))?")


class MetricSpec(NamedTuple):
    """A metric with its options; an empty `tokenize` is the metric's own way, an empty `score` its first score."""

    name: str
    tokenize: str = ""
    score: str = ""

    def __str__(self) -> str:
        options = [f"{key}={value}" for key, value in (("tokenize", self.tokenize), ("score", self.score)) if value]
        return f"{self.name}({', '.join(options)})" if options else self.name

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores it gives, the one that stands for the dataset first."""
        first = self.score or SCORES[self.name][0]
        return (first, *(name for name in SCORES[self.name] if name != first))


def read_metric(value: Any) -> str:
    """A metric as a card writes it, as one line of text; raises `ValueError`."""
    if isinstance(value, str):
        return str(parse_metric(value))
    if not isinstance(value, Mapping) or "name" not in value:
        raise ValueError("a metric is a name, or {name: …, tokenize: …, score: …}")
    for key in value:
        if key not in MetricSpec._fields:
            raise ValueError(f"a metric has no option {key!r}{nearest(str(key), MetricSpec._fields)}")
    return str(_checked(MetricSpec(**{key: str(given) for key, given in value.items()})))


def parse_metric(text: str) -> MetricSpec:
    """Read a metric's line of text; raises `ValueError`."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no metric; write a name, or {{name: …, tokenize: …, score: …}}")
    pairs = [part.partition("=") for part in (found[2] or "").split(",") if part.strip()]
    options = {key.strip(): value.strip() for key, _, value in pairs}
    if strange := options.keys() - {"tokenize", "score"}:
        raise ValueError(f"a metric has no option {min(strange)!r}")
    return _checked(MetricSpec(found[1], **options))


def _checked(spec: MetricSpec) -> MetricSpec:
    if spec.name not in SCORES:
        raise ValueError(f"no metric is called {spec.name!r}{nearest(spec.name, SCORES)}")
    if spec.tokenize and spec.name not in WORDED:
        raise ValueError(f"{spec.name} counts no words, so it takes no tokenizer; {', '.join(WORDED)} do")
    if spec.tokenize and spec.tokenize not in TOKENIZERS:
        raise ValueError(f"no tokenizer is called {spec.tokenize!r}{nearest(spec.tokenize, TOKENIZERS)}")
    scores = SCORES[spec.name] + _FURTHER_SCORES.get(spec.name, ())
    if spec.score and spec.score not in scores:
        raise ValueError(f"{spec.name} has no score {spec.score!r}{nearest(spec.score, scores)}")
    if spec.score == "spearman":
        raise ValueError("spearman cannot stand for a dataset, since ranks cannot be resampled")
    return spec
