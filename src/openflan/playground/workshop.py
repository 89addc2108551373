"""The template workshop: a card's templates are changed, seen on rows, checked, and saved as a card of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from openflan.errors import CardError, OpenflanError
from openflan.files import write_text
from openflan.playground.tryout import Attempt, Tryout
from openflan.tasks.card import ANSWER
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import CATALOG, Task, load_catalog
from openflan.yamlfile import dump_yaml, read_yaml

_LONGEST = 20_000
"""Characters of a template's text."""


class TemplateText(BaseModel):
    """A template as it is being written."""

    model_config = ConfigDict(extra="forbid")

    input: str = Field(max_length=_LONGEST)
    bare: str | None = Field(default=None, max_length=_LONGEST)
    target: str = Field(default=ANSWER, max_length=_LONGEST)
    inverted: bool = False

    def values(self) -> dict[str, Any]:
        """Its keys in a card; what is as usual is left out."""
        given = {"input": self.input, "bare": self.bare or None, "target": self.target, "inverted": self.inverted}
        usual = {"bare": None, "target": ANSWER, "inverted": False}
        return {key: value for key, value in given.items() if key not in usual or value != usual[key]}


class WorkshopRequest(BaseModel):
    """A dataset's templates, all of them, and which one to see on which rows."""

    model_config = ConfigDict(extra="forbid")

    dataset: str
    templates: list[TemplateText] = Field(min_length=1, max_length=100)
    chosen: int = Field(default=0, ge=0)
    start: int = Field(default=0, ge=0)
    count: int = Field(default=3, ge=1, le=20)
    replace: bool = False
    """Whether a card of that name may be written over."""


class Workshop:
    """The workshop over a source of rows; cards are saved into `folder`, and read from there and from `cards`."""

    def __init__(self, folder: Path, source: str = "samples", cards: Sequence[Path] = ()) -> None:
        self._folder, self._source, self._cards = folder, source, tuple(cards)
        self._tryout = Tryout()

    def templates(self, dataset: str) -> dict[str, Any]:
        """A dataset's templates, its fields, and where its card is; raises `UnknownNameError`."""
        task, values = self._card(dataset)
        listed = [TemplateText.model_validate(one).model_dump() for one in values["templates"]]
        fields = sorted({name for layout in task.layouts for name in layout.fields})
        saved = self._folder / f"{task.card.name}.yaml"
        return {"dataset": dataset, "fields": fields, "templates": listed, "path": str(saved)}

    def attempt(self, asked: WorkshopRequest) -> dict[str, Any]:
        """Prompts on rows and the linter's findings; raises `OpenflanError` where templates take too long."""
        task, values = self._card(asked.dataset)
        changed = _with_templates(values, asked)
        return self._tryout(Attempt(changed, self._source, task.variant, asked.chosen, asked.start, asked.count))

    def save(self, asked: WorkshopRequest) -> dict[str, str]:
        """Write the card; raises `CardError` where it cannot be read, or one is there already."""
        task, values = self._card(asked.dataset)
        path = self._folder / f"{task.card.name}.yaml"
        if path.exists() and not asked.replace:
            raise CardError(f"{path} is there already; save again to replace it")
        text = dump_yaml(_with_templates(values, asked))
        draft = path.parent / ".draft" / path.name
        write_text(draft, text)
        try:
            read_card(draft)
        except CardError as error:
            raise CardError(str(error).replace(f"{draft}:", "line ")) from None
        finally:
            draft.unlink()
            draft.parent.rmdir()
        write_text(path, text)
        return {"path": str(path), "text": text}

    def close(self) -> None:
        """End what runs beside."""
        self._tryout.close()

    def _card(self, dataset: str) -> tuple[Task, dict[str, Any]]:
        """A task, and its card as its file has it: the workshop's own, one that was named, or the catalog's."""
        tasks = load_catalog(*self._cards).tasks(dataset)
        if len({task.card.name for task in tasks}) != 1:
            raise OpenflanError(f"{dataset!r} is no dataset, but several")
        name = tasks[0].card.name
        places = (self._folder, *self._cards, CATALOG)
        found = [path for place in places for path in _files(place) if path.name == f"{name}.yaml"]
        return tasks[0], read_yaml(found[0], CardError)[1]


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.yaml")) if place.is_dir() else [place]


def _with_templates(values: dict[str, Any], asked: WorkshopRequest) -> dict[str, Any]:
    return {**values, "templates": [one.values() for one in asked.templates]}
