"""From a study to its cells: every combination of its axes' values, each with the units of work it is made of."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from openflan.errors import RecipeError
from openflan.files import write_json
from openflan.recipe import Recipe
from openflan.study.spec import FIRST, SEED, Changes, Study, merged
from openflan.study.units import Unit, evaluation, joined, shared_rows, training
from openflan.yamlfile import validate

CELLS, CELL, PLAN, STUDY = "cells", "cell.json", "plan.json", "study.yaml"


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    `at` says which value of each axis it has; `units` is what has to be done for it, in order; `evaluations` are the
    folders of its evaluations by what is measured, and `training` that of its own training.
    """

    name: str
    at: Mapping[str, str]
    seed: int
    recipe: Recipe
    units: Sequence[Unit]
    evaluations: Mapping[str, str]
    training: str | None

    def write(self, folder: Path, store: Path) -> None:
        """Write what the cell is to its folder, with links to where its results will be."""
        place = folder / CELLS / self.name
        self.recipe.save(place / "recipe.yaml")
        about = {
            "name": self.name, "at": dict(self.at), "seed": self.seed, "store": _relative(store, place),
            "training": self.training, "evaluations": dict(self.evaluations),
            "units": [unit.to_dict() for unit in self.units],
        }  # fmt: skip
        write_json(place / CELL, about)
        for name, unit in self.evaluations.items():
            _link(place / "eval" / name, store / unit)
        if self.training:
            for name in ("model", "metrics.jsonl", "mixture.json", "train.json", "environment.json"):
                _link(place / name, store / self.training / name)


def expand(study: Study, file: str = "study") -> list[Cell]:
    """The cells of a study, their units shared by content. Raises `RecipeError` with the cell that cannot be."""
    cells = [
        _cell(study, dict(zip(study.axes, values, strict=True)), seed)
        for values in product(*(study.values(axis) for axis in study.axes))
        for seed in study.used_seeds
    ]
    names = [cell.name for cell in cells]
    if twice := {name for name in names if names.count(name) > 1}:
        raise RecipeError(f"{file}: two cells would be called {min(twice)}; name the values of the axes otherwise")
    units = joined([unit for cell in cells for unit in cell.units])
    prepared, trainings = shared_rows([unit for unit in units if unit.kind == "training"])
    known = {unit.place: unit for unit in (*units, *prepared, *trainings)}
    return [replace(cell, units=_in_order(cell.units, known)) for cell in cells]


def all_units(cells: Sequence[Cell]) -> list[Unit]:
    """The units of all cells, each once."""
    return list({unit.place: unit for cell in cells for unit in cell.units}.values())


def read_cell(folder: Path) -> tuple[list[Unit], Path]:
    """The units of the cell in a folder, and where units lie; raises `RecipeError` where there is no cell."""
    try:
        about = json.loads((folder / CELL).read_text(encoding="utf-8"))
        return [Unit.from_dict(unit) for unit in about["units"]], (folder / about["store"]).resolve()
    except (OSError, ValueError, KeyError) as fault:
        raise RecipeError(f"{folder} is no cell of a study ({fault})") from None


def _cell(study: Study, at: Mapping[str, str], seed: int) -> Cell:
    changes = merged(study.common, *(study.changes_of(axis, value) for axis, value in at.items()))
    first = changes.pop(FIRST, None)
    seeds = {"data": {SEED: seed}, "train": {SEED: seed}} if study.used_seeds != (0,) else {}
    name = _name([*at.values(), *([f"seed{seed}"] if len(study.used_seeds) > 1 else [])])
    recipe = _recipe(name, merged(changes, seeds))
    # Seeds are of a cell's own training: all of them start from one model.
    before = training(_recipe(name, merged(changes, first))) if first else None
    own = training(recipe, before.id if before else None)
    models = {"untuned": (None, []), "tuned": (own.id, [own])}
    if before:
        models["first"] = (before.id, [before])
        models["tuned"] = (own.id, [before, own])
    units: list[Unit] = []
    evaluations: dict[str, str] = {}
    for measured, how in study.measure.items():
        if how.model not in models:
            continue
        start, needed = models[how.model]
        if (asked := evaluation(recipe, how, start)) is not None:
            units += [*needed, asked]
            evaluations[measured] = asked.place
    if not evaluations:
        raise RecipeError(f"the cell {name} has nothing to measure: hold something out, or name evaluate.tasks")
    trained = own.place if own in units else None
    return Cell(name, at, seed, recipe, list({unit.place: unit for unit in units}.values()), evaluations, trained)


def _recipe(name: str, changes: Changes) -> Recipe:
    sections = {section: keys for section, keys in changes.items() if keys is not None}
    return validate(Recipe, {**sections, "name": name}, RecipeError, lambda location: f"cell {name}")


def _in_order(units: Sequence[Unit], known: Mapping[str, Unit]) -> list[Unit]:
    """The cell's units as all cells know them, prepared rows before what reads them."""
    found: dict[str, Unit] = {}
    for unit in (known[one.place] for one in units):
        for place in unit.needs:
            found.setdefault(place, known[place])
        found[unit.place] = unit
    return list(found.values())


def _name(values: Sequence[str]) -> str:
    """A cell's name, which is that of its folder."""
    return "-".join(re.sub(r"[^\w+]+", "_", value) for value in values) or "only"


def _relative(target: Path, start: Path) -> str:
    return os.path.relpath(target, start)


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        place.unlink()
    place.symlink_to(_relative(target, place.parent))


def write_plan(study: Study, cells: Sequence[Cell], folder: Path, store: Path, costs: Mapping[str, Any]) -> None:
    """Write down a study, its cells, and the forecast seconds of each unit by its place."""
    study.save(folder / STUDY)
    for cell in cells:
        cell.write(folder, store)
    about = {"cells": [cell.name for cell in cells], "store": _relative(store, folder), "costs": dict(costs)}
    write_json(folder / PLAN, about)
