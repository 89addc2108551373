"""Tuning a model, for a script or a notebook."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.data import MixtureView
from openflan.api.progress import fetch_model, tuning
from openflan.api.views import Table
from openflan.data.encode import Format
from openflan.model.adapters import Lora
from openflan.model.soft_prompt import SoftPrompt
from openflan.recipe import Recipe, make_recipe

if TYPE_CHECKING:
    from openflan.data.mixture import Mixture
    from openflan.training.result import TrainResult

_DEFAULTS = {
    "tokens_per_step": 2048, "row_length": 512, "optimizer": "adamw", "lr": 1e-3, "schedule": "cosine",
    "warmup_steps": 3, "dtype": "fast", "checkpoint_every": 10,
}  # fmt: skip
"""What a small run on a laptop takes, where the caller says nothing."""


@dataclass(frozen=True)
class TrainedRun:
    """A run folder with a tuned model in it: `model` is its folder, which transformers loads as it is (peft a soft
    prompt).
    """

    folder: Path
    model: str
    result: TrainResult

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Loss, rate and counts of every step."""
        lines = (self.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def __repr__(self) -> str:
        one = self.result
        return (
            f"{self.model}: {one.step:,} steps, {one.tokens:,} tokens, {one.labelled:,} labelled, loss {one.loss:.3f}"
        )

    def _repr_html_(self) -> str:
        steps = [(line["step"], line["loss"], line["lr"]) for line in self.metrics]
        return Table(repr(self), ("step", "loss", "rate"), steps[:: max(1, len(steps) // 10)])._repr_html_()


def train(
    model: str,
    mixture: MixtureView,
    *,
    out: str | Path,
    tokens: int | None = None,
    adapter: Lora | SoftPrompt | None = None,
    format: Format | None = None,
    resume: bool = True,
    silent: bool = False,
    **settings: Any,
) -> TrainedRun:
    """Finetune a model on a mixture; the run goes to the folder `out`, and goes on from there when it was stopped.

    `model` is a Hugging Face folder or the small model by its name; `tokens` is the length of the run (or `steps=`);
    `adapter` trains a LoRA or a soft prompt instead of all weights. `format` is the model's own when None (its chat
    turns, or the paper's EOS). Further keywords are those of a recipe's `train` section; what is not given is chosen
    for a laptop.

    Raises `RecipeError` for a wrong key, `ModelError`, and `TrainError` for a folder that holds another run.
    """
    from openflan.study.format import default_format

    length = {} if tokens is None else {"tokens": tokens}
    asked = make_recipe(
        name=Path(out).name,
        model={"path": model},
        data=mixture.config,
        train={**_DEFAULTS, **length, **settings, "adapter": adapter},
    )
    own = format or default_format(fetch_model(model, silent=silent), asked.train.row_length)
    recipe = asked.model_copy(update={"format": own})
    return train_recipe(recipe, mixture.mixture, Path(out), resume=resume, silent=silent)


def train_recipe(
    recipe: Recipe,
    mixture: Mixture | None,
    out: Path,
    *,
    resume: bool = True,
    prepared: Path | None = None,
    silent: bool = False,
    say: Callable[[str], None] | None = None,
) -> TrainedRun:
    """Finetune as a recipe says; without a `mixture` the `prepared` rows are all there is. Raises as `train` does."""
    from openflan.study.run import Run

    run = Run(recipe, out, fetch_model(recipe.model.path, silent=silent))
    with tuning(recipe.train.total_steps, silent=silent) as show:
        result = run.tune(mixture, show, say or _unsaid, resume=resume, prepared=prepared)
    return TrainedRun(out, str(run.tuned), result)


def _unsaid(_: str) -> None:
    """Lines for a terminal say nothing in a notebook, where there is a progress bar."""
