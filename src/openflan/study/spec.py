"""Studies: many runs in one YAML file, read into what they vary, what they measure and how that is drawn.

    title: With and without the list of options
    base: {data: {tasks: flan62, hold_out: nli}}          # sections of a recipe, for every cell
    dials:                                                # the same study in sizes; `--dial large`
      small: {model: {path: smollm2-135m-instruct}, train: {tokens: 16_384}}
      large: {train: {steps: 30_000}}
    axes:                                                 # every combination of the values is a cell
      trained:
        values: {options: {data: {settings: options}}, bare: {data: {settings: bare}}}
    measure: {untuned: {model: untuned}, tuned: {}}
    figures: [{kind: heat, title: Scores, rows: [measured, trained], columns: [asked]}]

`docs/studies.md` is the reference of the format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from openflan.errors import RecipeError, nearest
from openflan.evaluation.analysis.references import MODEL_BASELINES
from openflan.files import write_text
from openflan.ranges import Seed
from openflan.recipe import Recipe, apply_changes
from openflan.yamlfile import line_of, read_yaml, validate

STUDIES = Path(__file__).parent.parent / "studies"

FIRST = "first"
"""The section of a training that comes before the cell's own, and whose model that one starts from."""

SECTIONS = (*(name for name in Recipe.model_fields if name not in ("name", "description")), FIRST)

MEASURED, ASKED, CLUSTER, ARCHITECTURE, SEED = "measured", "asked", "cluster", "architecture", "seed"
"""What every result has besides the values of a study's axes."""

Changes = dict[str, Any]
"""Keys of a recipe's sections; a section's keys are put over those that are there."""

Name = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]
"""The name of an axis's value, which may look like a number."""

Published = Annotated[dict[str, str | int | float], Field(min_length=2)]
"""A point that the paper printed: values of fields, its `value`, and how sure it is (`status`)."""


class Part(BaseModel):
    """A strict, frozen part of a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _named(values: Any) -> Any:
    """Values that are named by themselves: `[1, 4]` is short for `{"1": 1, "4": 4}`; a path is called by its end."""
    if isinstance(values, list):
        return {Path(str(value)).name: value for value in values}
    return {str(name): value for name, value in values.items()} if isinstance(values, Mapping) else values


class Axis(Part):
    """What is varied: values by name, each of them changes to the recipe, or what the key `sets` is set to."""

    title: str = ""
    sets: str | None = None
    values: Annotated[dict[str, Any], BeforeValidator(_named)]

    @model_validator(mode="after")
    def _complete(self) -> Axis:
        if not self.values:
            raise ValueError("an axis needs at least one value")
        for name, value in self.values.items():
            if self.sets is None and not isinstance(value, Mapping):
                raise ValueError(
                    f"{name}: expected sections of a recipe; or say with `sets` which key it is a value of"
                )
        return self

    def changes(self, name: str) -> Changes:
        """What a value changes."""
        if self.sets is None:
            return dict(self.values[name])
        section, _, key = self.sets.partition(".")
        return {section: {key: self.values[name]}}


class Measure(Part):
    """A model that is measured in every cell, and how it is asked.

    `first` is the model that the cell's own training started from, where that was tuned before. `like` asks as one of
    the paper's untuned baselines was.
    """

    model: Literal["untuned", "first", "tuned"] = "tuned"
    like: str | None = None
    evaluate: dict[str, Any] = {}

    @field_validator("like")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in MODEL_BASELINES:
            raise ValueError(f"no baseline is called {name!r}{nearest(name, MODEL_BASELINES)}")
        return name


class Contrast(Part):
    """Paired differences along one field, with all others the same: `to` less `from`."""

    over: str
    begin: Name = Field(alias="from")
    end: Name = Field(alias="to")


class Figure(Part):
    """What is drawn: a `heat` map of rows and columns, a `curve` along `x`, or a `forest` of the datasets' scores.

    Each takes names of axes, `measured` (who), `asked` (in which setting) and `cluster`. `only` keeps some values of a
    field. A forest can have columns of the paper's tables beside our own.
    """

    kind: Literal["heat", "curve", "forest"]
    title: str
    about: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    x: str | None = None
    lines: tuple[str, ...] = ()
    only: dict[str, tuple[Name, ...]] = {}
    paper: tuple[str, ...] = ()


class Dial(BaseModel):
    """A size of the study: sections of a recipe, and the seeds.

    `keep` names the values to keep of an axis (all, where it does not name the axis), and `values` changes what a value
    of an axis changes.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    keep: dict[str, tuple[Name, ...]] = {}
    values: dict[str, dict[Name, Changes]] = {}
    seeds: tuple[Seed, ...] | None = None


class Study(Part):
    """A whole study."""

    name: str
    title: str
    paper: str = ""
    about: str = ""
    dial: str = "small"
    base: Changes = {}
    dials: dict[str, Dial] = {}
    axes: dict[str, Axis]
    seeds: tuple[Seed, ...] = (0,)
    measure: dict[str, Measure] = {"untuned": Measure(model="untuned"), "tuned": Measure()}
    contrasts: tuple[Contrast, ...] = ()
    figures: tuple[Figure, ...] = ()
    published: tuple[Published, ...] = ()
    changes: Changes = {}
    """What `--set` put over base and dial."""

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if self.dials and self.dial not in self.dials:
            raise ValueError(f"dial: there is no {self.dial!r}{nearest(self.dial, self.dials)}")
        for name in self.fields_named():
            if name not in self.fields:
                raise ValueError(f"no axis is called {name!r}{nearest(name, self.fields)}")
        for axis, named in [*self.sized.keep.items(), *self.sized.values.items()]:
            known = self.axes[axis].values if axis in self.axes else {}
            if strange := [value for value in named if value not in known]:
                raise ValueError(f"dials.{self.dial}: {axis} has no value {strange[0]!r}{nearest(strange[0], known)}")
        for changes in (self.base, self.sized.model_extra or {}, self.changes):
            if strange := [section for section in changes if section not in SECTIONS]:
                raise ValueError(f"{strange[0]}: no section of a recipe{nearest(strange[0], SECTIONS)}")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """What a result is told apart by."""
        return (*self.axes, MEASURED, ASKED, CLUSTER, ARCHITECTURE, SEED)

    def title_of(self, field: str) -> str:
        """What a field is called for people."""
        return (self.axes[field].title if field in self.axes else "") or field

    @property
    def sized(self) -> Dial:
        """The dial that is turned on."""
        return self.dials.get(self.dial, Dial())

    @property
    def used_seeds(self) -> tuple[int, ...]:
        """Seeds of the trainings; each cell is made once for every one."""
        return self.sized.seeds or self.seeds

    @property
    def common(self) -> Changes:
        """What every cell's recipe begins with: base, dial, and what was changed over both."""
        return merged(self.base, self.sized.model_extra or {}, self.changes)

    def changes_of(self, axis: str, value: str) -> Changes:
        """What a value of an axis changes at this dial."""
        return merged(self.axes[axis].changes(value), self.sized.values.get(axis, {}).get(value, {}))

    def values(self, axis: str) -> list[str]:
        """The values of an axis at this dial, in order."""
        kept = self.sized.keep.get(axis)
        return [value for value in self.axes[axis].values if kept is None or value in kept]

    def fields_named(self) -> set[str]:
        """Every field that figures and contrasts speak of."""
        named = {one.over for one in self.contrasts}
        for figure in self.figures:
            named |= {*figure.rows, *figure.columns, *figure.lines, *figure.only, *([figure.x] if figure.x else [])}
        return named

    def save(self, path: Path) -> None:
        """Write the study so that it can be read again."""
        values = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120))


def load_study(place: str | Path, changes: Sequence[str] = ()) -> Study:
    """Read a study's file, or one that comes with openflan by its name, with `key=value` changes.

    Keys of a recipe (`train.tokens`) change every cell; keys of a study (`dial`, `seeds`, `axes.model.values`) the
    study itself. Raises `RecipeError` with file, line and key, or the change, of each fault.
    """
    path = _found(Path(place))
    text, values = read_yaml(path, RecipeError)
    values.setdefault("name", path.stem)
    moved = [f"changes.{one}" if re.split("[.=]", one)[0].strip() in SECTIONS else one for one in changes]
    changed = apply_changes(values, moved)

    def where(location: Sequence[str | int]) -> str:
        names = tuple(str(part) for part in location)
        for key, change in changed.items():
            if names and (key[: len(names)] == names or names[: len(key)] == key):
                return f"--set {change.removeprefix('changes.')}"
        return f"{path}:{line_of(text, location)}"

    return validate(Study, values, RecipeError, where)


def packaged_studies() -> dict[str, Path]:
    """The studies that come with openflan, by name."""
    return {path.stem: path for path in sorted(STUDIES.glob("*.yaml"))}


def _found(place: Path) -> Path:
    if place.is_file():
        return place
    packaged = packaged_studies()
    if str(place) in packaged:
        return packaged[str(place)]
    raise RecipeError(
        f"no study at {place}, and none that comes with openflan has that name{nearest(str(place), packaged)}"
    )


def merged(*changes: Mapping[str, Any]) -> Changes:
    """Changes put over each other: a section's keys over those that are there; null takes a section away."""
    result: Changes = {}
    for one in changes:
        for section, keys in one.items():
            before = result.get(section) or {}
            if keys is None:
                result[section] = None
            elif section == FIRST:
                result[FIRST] = merged(before, keys)
            else:
                result[section] = {**before, **keys}
    return result
