"""What a study costs, before it starts: seconds of each unit, from the model's shape and this machine's measured speed.

A training's time is `training/estimate`'s. An evaluation's follows from how many questions it asks, how long a few of
them are in tokens, and what a forward pass takes of a training step; words written are counted one by one. These are
forecasts: as units end, what they took says how far off the rest is (`corrected`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import islice, takewhile
from statistics import mean
from typing import Literal

from openflan.data.encode import Encoder, Format
from openflan.data.rows import load_rows
from openflan.data.sources import parse_source
from openflan.evaluation.prompts import Load, TaskPlan, plan_task
from openflan.model.default import resolve
from openflan.model.encoder import encoder_for
from openflan.model.precision import default_device
from openflan.recipe import Recipe
from openflan.study.units import Unit
from openflan.study.work import tasks_of
from openflan.tasks.registry import Task
from openflan.training.config import TrainConfig
from openflan.training.devices import device_kind
from openflan.training.estimate import Estimate, estimate

_START = 12.0
"""Seconds in which a process imports its libraries and loads a model and rows."""

_LOOKED_AT = 24
"""Prompts of a task that are encoded to know how long they are."""

_A_WRITTEN_TOKEN = 4.0
"""What writing a token takes, in tokens that are read: it cannot be done many at a time."""

_PACKED = 16_000
"""Tokens of rows that are packed to disk in a second."""

Costs = dict[str, float]
"""Seconds by a unit's place."""


def forecast(units: Sequence[Unit], on_unit: Callable[[Unit], None] = lambda unit: None) -> Costs:
    """Seconds that each unit will take here, on one device."""
    costs: Costs = {}
    for unit in units:
        on_unit(unit)
        costs[unit.place] = _START + {"training": _training, "evaluation": _evaluation, "rows": _rows}[unit.kind](unit)
    return costs


def corrected(costs: Mapping[str, float], taken: Mapping[str, float]) -> Costs:
    """The forecasts of what is left, put right by what units of the same kind took."""
    left = {place: seconds for place, seconds in costs.items() if place not in taken}
    for kind in {place.partition("/")[0] for place in left}:
        ended = [place for place in taken if place.startswith(f"{kind}/") and place in costs]
        if said := sum(costs[place] for place in ended):
            factor = sum(taken[place] for place in ended) / said
            left |= {place: factor * seconds for place, seconds in left.items() if place.startswith(f"{kind}/")}
    return left


def _training(unit: Unit) -> float:
    config = unit.recipe.train
    one = replace(config, steps=1, tokens=None, seed=0)
    return config.total_steps * mean(_estimate(unit.recipe.model.path, one).seconds)


def _rows(unit: Unit) -> float:
    train = unit.recipe.train
    return train.total_steps * train.tokens_per_step / _PACKED


def _evaluation(unit: Unit) -> float:
    recipe = unit.recipe
    one = TrainConfig(steps=1, row_length=512, tokens_per_step=512, dtype=_precision(recipe))
    reading = 3 * mean(_estimate(recipe.model.path, one).speed)  # a forward pass is a third of a step
    return sum(_tokens(recipe, task) for task in tasks_of(unit)) / reading


def _precision(recipe: Recipe) -> Literal["fast", "float32"]:
    return "fast" if recipe.model.dtype in ("bfloat16", "fast") else "float32"


def _tokens(recipe: Recipe, task: Task) -> float:
    """Tokens that are read for a task's prompts, written ones counted as so many more."""
    load = _loader(recipe.data.source, recipe.data.carve)
    plan, _ = plan_task(replace(recipe.evaluate, rows=_LOOKED_AT), task, load)
    if plan is None:
        return 0.0
    rows = sum(min(len(some), recipe.evaluate.rows or len(some)) for some in plan.rows.values())
    return rows * sum(
        _tokens_a_row(recipe, replace(plan, writers={name: [some[0]]})) * len(some)
        for name, some in plan.writers.items()
    )


def _tokens_a_row(recipe: Recipe, plan: TaskPlan) -> float:
    """Tokens for one row as the plan's only writer puts it, by a few that are looked at."""
    encoder, evaluate = _encoder(recipe.model.path, recipe.format), recipe.evaluate
    items = list(islice(plan.items(encoder), _LOOKED_AT))
    if not items:
        return 0.0
    prompts = encoder.prefixes([item.prompt.input for item in items])
    # What all begin with (exemplars, a chat's opening) is computed once.
    read = mean(map(len, prompts)) - (_shared(prompts) if len(prompts) > 1 else 0)
    written = sum(item.is_written for item in items) / len(items)
    if evaluate.generate == "all" and evaluate.generate_rows and evaluate.rows:
        written *= min(1.0, evaluate.generate_rows / evaluate.rows)
    return read + written * (read + _A_WRITTEN_TOKEN * evaluate.max_tokens)


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with alike."""
    return sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False)))


@lru_cache(maxsize=64)
def _estimate(model: str, config: TrainConfig) -> Estimate:
    """What one step takes; measuring the CPU takes seconds, so it is done once for each model and way to train."""
    return estimate(str(resolve(model)), config, device=device_kind(default_device()))


@lru_cache(maxsize=8)
def _encoder(model: str, format: Format) -> Encoder:
    return encoder_for(resolve(model), format)


@lru_cache(maxsize=4)
def _loader(source: str, carve: bool) -> Load:
    """Rows of a source, each task's read once."""
    opened = parse_source(source)
    return cache(lambda task, role: load_rows(task, role, opened, carve=carve))
