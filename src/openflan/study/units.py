"""What the cells of a study are made of: trainings, evaluations and prepared rows, each known by its content.

A unit's id is a hash of all that its outcome follows from: the model it starts from, which tasks are trained on once
the hold-out rules have spoken, cards, settings, format, seeds. Two cells that come to the same share it, whatever they
are called: NLI and paraphrase have one training between them (paper section 2.2 bars each for the other).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from openflan.data.select import select
from openflan.data.settings import PRESETS
from openflan.evaluation.analysis.references import MODEL_BASELINES
from openflan.evaluation.prompts import EvalConfig
from openflan.model.default import resolve
from openflan.model.identity import model_identity
from openflan.recipe import Recipe
from openflan.study.spec import Measure
from openflan.study.tasks import measured_tasks
from openflan.tasks.registry import Task

Kind = Literal["rows", "training", "evaluation"]

FOLDERS: dict[Kind, str] = {"rows": "rows", "training": "trainings", "evaluation": "evaluations"}
"""Where the units of a kind lie in a study's folder."""

_HOLD_OUT = ("hold_out", "hold_out_rule", "allow_overlap")
"""What decides which tasks are trained on, and nothing else."""


@dataclass(frozen=True)
class Unit:
    """A piece of work that is done once.

    `start` is the training whose model is trained or measured; None for the recipe's own model. `rows` are the
    prepared rows that a training reads, where it shares them.
    """

    kind: Kind
    id: str
    recipe: Recipe
    start: str | None = None
    rows: str | None = None

    @property
    def place(self) -> str:
        """Its folder, in that of the study."""
        return f"{FOLDERS[self.kind]}/{self.id}"

    @property
    def needs(self) -> list[str]:
        """The folders of the units that have to be done before."""
        before = [f"{FOLDERS['training']}/{self.start}"] if self.start else []
        return before + ([f"{FOLDERS['rows']}/{self.rows}"] if self.rows else [])

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        about = {"kind": self.kind, "id": self.id, "start": self.start, "rows": self.rows}
        return {**about, "recipe": self.recipe.model_dump(mode="json")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Unit:
        """What `to_dict` has written."""
        return cls(**{**values, "recipe": Recipe.model_validate(values["recipe"])})


def training(recipe: Recipe, start: str | None = None) -> Unit:
    """The training that a recipe asks for, from its own model or from that of the training `start`.

    Its recipe names the tasks that are trained on, one by one. Raises `OverlapError` and `UnknownNameError`.
    """
    tasks = select(recipe.data).train
    data = replace(recipe.data, tasks=tuple(task.name for task in tasks))
    plain = recipe.model_copy(update={"data": data, "evaluate": EvalConfig(), "description": ""})
    content = {
        "start": start or _identity(recipe.model.path, recipe.model.dtype)["fingerprint"],
        "data": _data(plain, tasks),
        "format": asdict(recipe.format),
        "train": recipe.train.outcome,
    }
    number = _hash("training", content)
    return Unit("training", number, plain.model_copy(update={"name": f"training-{number}"}), start)


def evaluation(recipe: Recipe, measure: Measure, start: str | None) -> Unit | None:
    """The evaluation that a measure asks for; None where the recipe has nothing to measure."""
    recipe = asked(recipe, measure)
    tasks = measured_tasks(recipe).all()
    if not tasks:
        return None
    named = replace(recipe.evaluate, tasks=tuple(task.name for task in tasks), seen=())
    content = {
        "model": start or _identity(recipe.model.path, recipe.model.dtype)["fingerprint"],
        "dtype": recipe.model.dtype,
        "data": {key: _plain(recipe)["data"][key] for key in ("source", "carve")},
        "cards": [repr(task.card) for task in tasks],
        "format": asdict(recipe.format),
        "evaluate": asdict(named),
    }
    return Unit("evaluation", _hash("evaluation", content), recipe.model_copy(update={"evaluate": named}), start)


def asked(recipe: Recipe, measure: Measure) -> Recipe:
    """The recipe with what a measure changes in how a model is asked."""
    evaluate: dict[str, Any] = dict(measure.evaluate)
    if measure.like is None:
        return recipe.replace(evaluate=evaluate) if evaluate else recipe
    line = MODEL_BASELINES[measure.like]
    setting = PRESETS[line.setting]
    shots = {"count": line.shots, **evaluate.pop("shots", {})}
    spelled = {line.setting: {"writers": setting.writers, "options": setting.options, "shots": shots}}
    return recipe.replace(format={"join": line.join}, evaluate={"generate": "free", **evaluate, "settings": spelled})


def shared_rows(trainings: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Prepared rows for trainings that read the very same ones, and all trainings, knowing which rows are theirs."""
    by_rows: dict[str, list[Unit]] = {}
    for unit in trainings:
        by_rows.setdefault(_rows_id(unit), []).append(unit)
    prepared, known = [], []
    for number, units in by_rows.items():
        if len(units) == 1:
            known += units
            continue
        longest = max(units, key=lambda unit: unit.recipe.train.total_steps * unit.recipe.train.rows_per_step)
        prepared.append(Unit("rows", number, longest.recipe.model_copy(update={"name": f"rows-{number}"})))
        known += [replace(unit, rows=number) for unit in units]
    return prepared, known


def joined(units: Sequence[Unit]) -> list[Unit]:
    """Each unit once; a training holds out what any cell that shares it holds out."""
    found: dict[str, Unit] = {}
    for unit in units:
        before = found.setdefault(unit.place, unit)
        if unit.kind == "training" and before.recipe.data.hold_out != unit.recipe.data.hold_out:
            both = tuple(sorted({*before.recipe.data.hold_out, *unit.recipe.data.hold_out}))
            data = replace(before.recipe.data, hold_out=both)
            found[unit.place] = replace(before, recipe=before.recipe.model_copy(update={"data": data}))
    return list(found.values())


def _rows_id(unit: Unit) -> str:
    recipe = unit.recipe
    content = {
        "tokenizer": _identity(recipe.model.path, recipe.model.dtype)["tokenizer"],
        "data": _data(recipe, select(recipe.data).train),
        "format": asdict(recipe.format),
        "row length": recipe.train.row_length,
    }
    return _hash("rows", content)


def _data(recipe: Recipe, tasks: Sequence[Task]) -> dict[str, Any]:
    """What a mixture follows from, but for the rows themselves, which the run folder knows."""
    data = {key: value for key, value in _plain(recipe)["data"].items() if key not in (*_HOLD_OUT, "tasks", "cards")}
    return {**data, "tasks": [task.name for task in tasks], "cards": [repr(task.card) for task in tasks]}


def _plain(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", include={"data"})


@lru_cache(maxsize=64)
def _identity(model: str, dtype: str) -> dict[str, Any]:
    return model_identity(resolve(model), dtype)


def _hash(kind: str, content: Mapping[str, Any]) -> str:
    text = json.dumps({kind: content}, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
