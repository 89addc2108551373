"""Measuring a model elsewhere: its engine is opened and tested, and the evaluation runs as it does here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openflan.data.encode import Encoder
from openflan.errors import ModelError
from openflan.evaluation.loop import OnProgress, evaluate
from openflan.evaluation.results import Results
from openflan.interop.backends import Engine
from openflan.interop.backends.scorer import EngineScorer
from openflan.interop.backends.selftest import TEXT, check_against, check_earlier, probe_tokens, self_test
from openflan.interop.backends.spec import Elsewhere
from openflan.model.default import resolve
from openflan.model.folder import expect_model, lineage, read_object
from openflan.model.identity import tokenizer_identity
from openflan.model.soft_prompt import soft_tokens
from openflan.recipe import Recipe
from openflan.study.plan import plan_measuring
from openflan.tasks.registry import Task

AT_ONCE = 8
"""Requests that a server gets at a time."""

_SMALL = 3_000_000_000
"""Bytes of weights up to which the folder's own model is loaded for the self-test."""


@dataclass(frozen=True)
class Opening:
    """How a model elsewhere is opened: the folder of its tokenizer, and how many requests a server gets at a time."""

    tokenizer: Path
    at_once: int = AT_ONCE


def open_engine(model: Elsewhere, encoder: Encoder, opening: Opening, dtype: str = "auto") -> Engine:
    """The engine with the model; raises `ModelError`, and `OpenflanError` where the engine's package is missing."""
    if model.kind == "vllm":
        from openflan.interop.backends.vllm import VLLM

        return VLLM(model.place, dtype)
    if model.kind == "llamacpp":
        from openflan.interop.backends.llamacpp import LlamaCpp

        loaded = LlamaCpp(model.place)
        if not TEXT.startswith(loaded.text(probe_tokens(encoder)).strip() or "?"):
            raise ModelError(f"the tokenizer in {opening.tokenizer} is not that of {model.place}")
        return loaded
    from openflan.interop.backends.connection import Connection
    from openflan.interop.backends.server import Server

    def name(token: int) -> str:
        return encoder.tokenizer.decode([token], skip_special_tokens=False)

    connection = Connection(model.place, at_once=opening.at_once)
    return Server(connection, model.model, probe_tokens(encoder), name, at_once=opening.at_once)


def tokenizer_of(model: Elsewhere, named: str | Path | None) -> Path:
    """The folder of a model's tokenizer: the one that was named, else vLLM's own folder; raises `ModelError`."""
    if named is None and model.kind != "vllm":
        raise ModelError(f"{model.place} is sent token ids: name the folder of its tokenizer with --tokenizer")
    folder = resolve(str(named or model.place))
    if soft_tokens(folder):
        raise ModelError(f"{folder} holds a soft prompt, which no other engine has; it can only be measured here")
    return folder


def measure_elsewhere(
    recipe: Recipe,
    model: Elsewhere,
    opening: Opening,
    name: str,
    out: Path,
    tasks: Sequence[Task],
    on_progress: OnProgress,
    say: Callable[[str], None],
) -> Results:
    """Evaluate a model elsewhere as a recipe's `evaluate` section says; scores go to `out`, and go on from there.

    Raises as `openflan.study.measure.measure`, and `ModelError` for an engine that cannot score or fails its test.
    """
    plan, encoder = plan_measuring(recipe, opening.tokenizer, tasks)
    engine = open_engine(model, encoder, opening, recipe.model.dtype)
    try:
        found = self_test(engine, encoder)
        if _can_be_loaded(opening.tokenizer):
            check_against(opening.tokenizer, encoder, found, say)
        out.mkdir(parents=True, exist_ok=True)
        check_earlier(out, found)
        identity = {"name": name, "model": _identity(engine, opening), "format": asdict(recipe.format)}
        scorer = EngineScorer(engine, encoder)
        return evaluate(plan, scorer, out, identity=identity, on_progress=on_progress)
    finally:
        engine.close()


def _identity(engine: Engine, opening: Opening) -> dict[str, Any]:
    """Whose answers they are, as far as that can be known from here; the self-test's note says more."""
    return {**engine.about, "tokenizer": tokenizer_identity(opening.tokenizer)}


def _can_be_loaded(folder: Path) -> bool:
    """Whether a folder holds a causal model, small enough to be loaded for a test alone."""
    try:
        expect_model(folder)
    except ModelError:
        return False
    folders = lineage(folder)
    weights = sum(path.stat().st_size for one in folders for path in one.glob("*.safetensors"))
    return weights <= _SMALL and not read_object(folders[-1] / "config.json").get("is_encoder_decoder")
