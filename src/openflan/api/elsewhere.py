"""Models behind other engines: servers, vLLM and llama.cpp."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from openflan.api.evaluation import Evaluation, tasks_to_measure
from openflan.api.progress import measuring, quiet_libraries
from openflan.errors import ModelError
from openflan.interop.backends.spec import Elsewhere as Elsewhere
from openflan.interop.backends.spec import elsewhere as elsewhere
from openflan.recipe import Recipe
from openflan.tasks.registry import Task


def tokenizer_folder(model: Elsewhere, tokenizer: str | Path | None) -> Path:
    """The folder of the tokenizer of a model elsewhere: the one that is named, else vLLM's own; raises `ModelError`."""
    from openflan.interop.backends.measure import tokenizer_of

    quiet_libraries()
    return tokenizer_of(model, tokenizer)


def evaluate_elsewhere(
    recipe: Recipe,
    model: str | Elsewhere,
    tokenizer: str | Path | None = None,
    tasks: Sequence[Task] | None = None,
    out: Path | None = None,
    *,
    name: str | None = None,
    at_once: int | None = None,
    silent: bool = False,
    say: Callable[[str], None] = print,
) -> Evaluation:
    """Measure a model behind another engine as a recipe's `evaluate` section says.

    `model` is `server:ADDRESS#MODEL`, `vllm:FOLDER` or `llamacpp:FILE.gguf`, `tokenizer` the folder of its tokenizer,
    `at_once` how many requests a server gets at a time. Scores go to `out`, `runs/eval-NAME` when None, and go on from
    there. Raises as `evaluate_recipe` does, and `ModelError` for an engine that cannot score or fails its self-test.
    """
    from openflan.interop.backends.measure import AT_ONCE, Opening, measure_elsewhere

    known = elsewhere(model) if isinstance(model, str) else model
    if known is None:
        raise ModelError(f"{model} is no model elsewhere; write server:ADDRESS#MODEL, vllm:FOLDER or llamacpp:FILE")
    opening = Opening(tokenizer_folder(known, tokenizer), at_once or AT_ONCE)
    tasks = tasks_to_measure(recipe) if tasks is None else tasks
    name = name or known.called
    out = out or Path("runs") / ("eval-" + re.sub(r"[^\w.-]+", "-", name))
    with measuring(name, silent=silent) as show:
        return Evaluation(measure_elsewhere(recipe, known, opening, name, out, tasks, show, say))
