"""Which models a playground opens: folders of models, and run folders with the model before and after tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.playground.models import PlayModel, open_model
from openflan.ranges import Dtype
from openflan.recipe import Recipe, load_recipe
from openflan.study.format import default_format

Resolve = Callable[[str], Path]
"""The folder of a model that is given by path or name."""


@dataclass(frozen=True)
class Wanted:
    """A model to open: where it is, how it is asked (None: as its folder says), and what it is to a run."""

    folder: Path
    format: Format | None = None
    role: str = ""
    name: str = ""


@dataclass
class Opened:
    """The models of a playground by name, and the run folders among what was given."""

    models: dict[str, PlayModel]
    runs: list[Path] = field(default_factory=list)

    def __getitem__(self, name: str) -> PlayModel:
        if name not in self.models:
            raise ModelError(f"no model is called {name!r} here; there are {', '.join(self.models)}")
        return self.models[name]


def open_models(places: Sequence[str], resolve: Resolve, dtype: Dtype | None = None) -> Opened:
    """Open models and runs; of a run, the model it began with and the tuned one, in the run's format and precision.

    Raises `ModelError`, and `RecipeError` for a run whose recipe cannot be read.
    """
    opened = Opened({})
    seen: set[tuple[Path, Format]] = set()
    for place in places:
        folder = Path(place).expanduser()
        recipe = load_recipe(folder / "recipe.yaml") if is_run(folder) else None
        if recipe is not None and folder not in opened.runs:
            opened.runs.append(folder)
        for wanted in _of_run(folder, recipe, resolve) if recipe else [Wanted(resolve(place))]:
            format = wanted.format or default_format(wanted.folder)
            if (wanted.folder.resolve(), format) in seen:
                continue
            seen.add((wanted.folder.resolve(), format))
            name = _free(wanted.name or wanted.folder.resolve().name, opened.models)
            precision = dtype or (recipe.model.dtype if recipe else "auto")
            opened.models[name] = open_model(wanted.folder, format, name=name, role=wanted.role, dtype=precision)
    return opened


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run with a tuned model in it."""
    return (folder / "recipe.yaml").is_file() and (folder / "model").is_dir()


def _of_run(folder: Path, recipe: Recipe, resolve: Resolve) -> list[Wanted]:
    return [
        Wanted(resolve(recipe.model.path), recipe.format, "untuned"),
        Wanted(resolve(str(folder)), None, "tuned", folder.resolve().name),
    ]


def _free(name: str, taken: dict[str, PlayModel]) -> str:
    """A name that no other model has."""
    names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
    return next(one for one in names if one not in taken)
