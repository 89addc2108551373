"""A run folder made without a model: recipe, training log, and evaluations whose answers are decided by a hash."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openflan.data.order import hash64, uniform
from openflan.data.settings import BASELINE
from openflan.evaluation.results import writing_results
from openflan.recipe import Recipe

Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """One dataset of a made evaluation: what is chosen among, or written when there are no options."""

    dataset: str
    cluster: str
    options: Sequence[str] = ("negative", "positive")
    variant: str = ""
    metric: str = "accuracy"

    @property
    def line(self) -> str:
        return f"{self.dataset}:{self.variant}" if self.variant else self.dataset


SENTIMENT = (Made("sst2", "sentiment"), Made("imdb", "sentiment"))
SEEN = (
    Made("copa", "commonsense", ("The ground was wet.", "The sun came out.")),
    Made("anli", "nli", ("yes", "it's not possible to tell", "no"), "r1"),
    Made("anli", "nli", ("yes", "it's not possible to tell", "no"), "r3"),
)
FREE = Made("samsum", "summarization", (), metric="rouge")
RECIPE: dict[str, Any] = {
    "name": "made",
    "description": "A run that no model has made.",
    "data": {"tasks": ["commonsense", "nli"], "hold_out": ["sentiment"]},
    "train": {"steps": 20},
}

Skill = Callable[[Made, int, int], float | str]
"""(dataset, template, example) → the probability of knowing the answer, or the option that is always chosen."""


def answers(
    made: Sequence[Made], skill: Skill, settings: Sequence[str], templates: int = 3, examples: int = 12, **values: Any
) -> Iterator[Row]:
    """The rows of one evaluation."""
    for one in made:
        for setting in settings:
            for template in range(1 if setting == BASELINE else templates):
                for example in range(examples):
                    yield {**_row(one, skill(one, template, example), setting, template, example), **values}


def write_evaluation(folder: Path, rows: Sequence[Row], name: str, settings: Sequence[str]) -> Path:
    """An evaluation folder with these rows."""
    with writing_results(
        folder, {"name": name}, {"settings": {one: {"shots": {"count": 0}} for one in settings}}
    ) as add:
        add(rows)
    return folder


def write_run(
    folder: Path,
    *,
    skills: Mapping[str, Skill] | None = None,
    made: Sequence[Made] = (*SENTIMENT, *SEEN),
    settings: Sequence[str] = ("bare", "options"),
    examples: int = 12,
    templates: int = 3,
    recipe: Mapping[str, Any] = RECIPE,
) -> Path:
    """A whole run folder; `skills` by the evaluation's name (default: a run whose tuned model has learnt something)."""
    skills = skills or {"untuned-baseline": _fair, "untuned": _one_sided, "tuned": _learnt}
    for name, skill in skills.items():
        asked = [BASELINE] if name.endswith(BASELINE) else list(settings)
        rows = list(answers(made, skill, asked, templates, examples))
        write_evaluation(folder / "eval" / name, rows, name, asked)
    Recipe.model_validate(recipe).save(folder / "recipe.yaml")
    share = {"name": "copa", "cluster": "commonsense", "rows": 400, "rate": 400, "probability": 1.0, "licence": "BSD"}
    (folder / "mixture.json").write_text(json.dumps({"fingerprint": "0" * 16, "datasets": [share]}), encoding="utf-8")
    losses = [{"step": n + 1, "loss": 3 * math.exp(-n / 8) + 0.3 * uniform("loss", n)} for n in range(20)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in losses), encoding="utf-8")
    about = {"step": 20, "tokens": 40960, "labelled": 4012, "seconds": 75.0}
    (folder / "train.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps({"device": "cpu", "python": "3.11"}), encoding="utf-8")
    return folder


def _fair(made: Made, template: int, example: int) -> float:
    return 0.55


def _one_sided(made: Made, template: int, example: int) -> float | str:
    return made.options[-1] if made.cluster == "sentiment" else 0.4


def _learnt(made: Made, template: int, example: int) -> float:
    return 0.6 + 0.1 * template


def _row(made: Made, skill: float | str, setting: str, template: int, example: int) -> Row:
    options = list(made.options)
    target = options[hash64("gold", made.line, example) % len(options)] if options else "They meet at noon."
    said = skill if isinstance(skill, str) else _said(made, skill, target, template, example)
    logprobs = [-1.0 - (one != said) * (0.5 + 2 * uniform("gap", made.line, example, one)) for one in options]
    block = setting == "options" and bool(options)
    shown = "\nOPTIONS:\n" + "".join(f"- {one}\n" for one in options) if block else ""
    return {
        "dataset": made.dataset, "variant": made.variant, "direction": "", "cluster": made.cluster,
        "metric": made.metric, "split": "test", "setting": setting,
        "writer": BASELINE if setting == BASELINE else str(template), "block": block,
        "example": f"{made.line}-{example}", "row": example, "group": None, "shots": 0, "shortened": False,
        "prompt": f"{made.line}, sentence {example}, put in the way {template} ({setting}).{shown}",
        "options": options, "target": target, "references": [target], "logprobs": logprobs,
        "tokens": [2] * len(options),
        "unconditional": [-1.5] * len(options), "choice": said if options else None,
        "generated": said if example % 2 else f"I think {said}", "target_logprob": -1.5, "target_tokens": 2,
        "score": None, "failure": None,
    }  # fmt: skip


def _said(made: Made, skill: float, target: str, template: int, example: int) -> str:
    if uniform("knows", made.line, template, example) < skill:
        return target
    wrong = [one for one in made.options if one != target] or ["no idea"]
    return wrong[hash64("wrong", made.line, template, example) % len(wrong)]
