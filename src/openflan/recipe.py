"""Recipes: a run in one YAML file, read into the typed configurations of the rooms it passes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from openflan.data.encode import Format
from openflan.data.select import DataConfig
from openflan.errors import RecipeError, nearest
from openflan.evaluation.prompts import EvalConfig
from openflan.files import write_text
from openflan.ranges import Dtype
from openflan.training.config import TrainConfig
from openflan.yamlfile import line_of, parse_value, read_yaml, validate

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class ModelConfig:
    """The model to start from."""

    path: str = "smollm2-135m-instruct"
    """A Hugging Face model folder, or the small model by its name."""
    dtype: Dtype = "auto"
    """Precision of the weights when evaluating. `auto` keeps the one they were saved in; `fast` is bfloat16 where the
    hardware is faster with it, which moves log-probabilities in the second decimal."""


class Recipe(BaseModel):
    """A whole run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[^./\\][^/\\]*$")] = "run"
    """What the run is called, and its folder under `runs/`; a file's own name when it says none."""
    description: str = ""
    """One line for `openflan recipes` and the report."""
    model: ModelConfig = Field(default_factory=ModelConfig)
    data: DataConfig = Field(default_factory=DataConfig)
    format: Format = Field(default_factory=Format)
    train: TrainConfig = Field(default_factory=lambda: TrainConfig(steps=1000))
    evaluate: EvalConfig = Field(default_factory=EvalConfig)

    def replace(self, **sections: Any) -> Recipe:
        """The recipe with some keys changed; raises `RecipeError` for a wrong key or value.

        >>> of.load_recipe("quickstart").replace(data={"hold_out": "nli"}).data.hold_out
        ('nli',)
        """
        values = self.model_dump()
        for name, change in sections.items():
            inside = isinstance(change, Mapping) and isinstance(values.get(name), dict)
            values[name] = {**values[name], **change} if inside else change
        return validate(Recipe, values, RecipeError, lambda location: "recipe")

    def save(self, path: Path) -> None:
        """Write the recipe with every key resolved."""
        values = self.model_dump(mode="json", exclude={"train": {"trackers"}} if not self.train.trackers else None)
        write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def make_recipe(**sections: Any) -> Recipe:
    """A recipe of sections given in Python, as mappings or as what they are read into.

    Raises `RecipeError` with the key of each fault.
    """
    return validate(Recipe, sections, RecipeError, lambda location: "recipe")


def load_recipe(place: str | Path | None, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe file, or one that comes with openflan by its name, and apply `key=value` changes.

    Raises `RecipeError` with file, line and key, or the change, of each fault.

    >>> of.load_recipe("quickstart", ["data.hold_out=nli"]).data.hold_out
    ('nli',)
    """
    path = find_recipe(Path(place)) if place else None
    text, values = read_yaml(path, RecipeError) if path else ("", {})
    changed = apply_changes(values, changes)

    def where(location: Sequence[str | int]) -> str:
        names = tuple(str(part) for part in location)
        for key, change in changed.items():
            if key[: len(names)] == names or names[: len(key)] == key:
                return f"--set {change}"
        return f"{path}:{line_of(text, location)}" if path else "recipe"

    if path:
        values.setdefault("name", path.stem)
    return validate(Recipe, values, RecipeError, where)


def packaged_recipes() -> dict[str, Path]:
    """The recipes that come with openflan, by name."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}


def find_recipe(place: Path) -> Path:
    """A recipe's file, or that of one that comes with openflan by its name; raises `RecipeError`."""
    if place.is_file():
        return place
    packaged = packaged_recipes()
    if str(place) in packaged:
        return packaged[str(place)]
    raise RecipeError(
        f"no recipe at {place}, and none that comes with openflan has that name{nearest(str(place), packaged)}"
    )


def copy_recipe(name: str, target: Path | None = None) -> Path:
    """Write a recipe to a file of one's own (`NAME.yaml` when None); raises `RecipeError` for a file that is there."""
    target = target or Path(f"{name}.yaml")
    if target.exists():
        raise RecipeError(f"{target} is there already; name another file with --out")
    write_text(target, find_recipe(Path(name)).read_text(encoding="utf-8"))
    return target


def apply_changes(values: dict[str, Any], changes: Sequence[str]) -> dict[tuple[str, ...], str]:
    """Put `key=value` changes into the values of a YAML file; returns which change each key is from.

    Raises `RecipeError` with the change that cannot be made.
    """
    changed: dict[tuple[str, ...], str] = {}
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            raise RecipeError(f"--set {change}: write KEY=VALUE, as in --set train.steps=100")
        location = tuple(key.strip().split("."))
        try:
            _assign(values, location, parse_value(value), change)
        except ValueError as fault:
            raise RecipeError(f"--set {change}: {fault}") from None
        changed[location] = change
    return changed


def _assign(values: dict[str, Any], location: Sequence[str], value: Any, change: str) -> None:
    for part in location[:-1]:
        inner = values.setdefault(part, {})
        if inner is None:
            inner = values[part] = {}
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {change}: {part} is no section")
        values = inner
    values[location[-1]] = value
