"""What the linter says: codes, findings, and a card with the file its findings point into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from openflan.tasks.card import OPTIONS_BLOCK, Card, Source, Template
from openflan.tasks.cardfile import read_card
from openflan.tasks.text import readings
from openflan.yamlfile import line_of

CODES: dict[str, str] = {
    "FLN000": "a card that cannot be read",
    "FLN001": "a field that no template uses",
    "FLN002": "a name in a template that is no field",
    "FLN003": "a field under a reserved name",
    "FLN004": "a forward template without the OPTIONS block",
    "FLN005": "an OPTIONS block that is not last",
    "FLN006": "a forward template with a target of its own",
    "FLN007": "an OPTIONS block where nothing is ranked",
    "FLN008": "stray white space",
    "FLN009": "a literal escape",
    "FLN010": "two templates that are nearly the same",
    "FLN011": "several templates that open alike",
    "FLN012": "no licence, citation or place to get rows",
    "FLN013": "a wrong number of templates",
    "FLN020": "no rows to check with",
    "FLN021": "rows that are not in the card's layout",
    "FLN022": "an answer that is not among the options",
    "FLN023": "two options with the same text",
    "FLN024": "rows that make no example",
    "FLN025": "a template that drops examples",
    "FLN026": "a target over the length budget",
    "FLN027": "a prompt that gives its answer away",
    "FLN028": "doubled punctuation",
    "FLN029": "a value that is no text",
    "FLN030": "too few plain templates",
    "FLN031": "several scenes",
    "FLN032": "a task that is not called by its name",
    "FLN033": "a question that the options do not answer",
    "FLN034": "a list that is not there",
    "FLN035": "a bare prompt that breaks off",
    "FLN036": "labels and options that do not match",
    "FLN037": "control tokens in rows",
    "FLN038": "a gold answer that shows",
    "FLN039": "a promise that rows do not keep",
    "FLN040": "a value that runs into the next sentence",
    "FLN041": "a foreign template that cannot be rendered",
    "FLN042": "a foreign template that no row fills",
    "FLN043": "a foreign template whose target is none of its choices",
}
"""What each code stands for; `docs/lint.md` says which look at the card alone, and which at what it makes of rows."""

_BLOCK = frozenset({OPTIONS_BLOCK})


@dataclass(frozen=True, order=True)
class Finding:
    """Something to mend, and where: a file's line, a dataset, and the number of a template from 0 (or none)."""

    path: str
    line: int
    code: str
    dataset: str
    template: int | None
    message: str

    def __str__(self) -> str:
        place = self.dataset if self.template is None else f"{self.dataset} template {self.template}"
        return f"{self.path}:{self.line}: {self.code} {place}: {self.message}"


@dataclass(frozen=True)
class CardFile:
    """A card and the file it stands in."""

    path: Path
    card: Card

    @classmethod
    def read(cls, path: Path) -> CardFile:
        """Read a card's file; raises `CardError`."""
        return cls(path, read_card(path))

    @cached_property
    def text(self) -> str:
        """The file as it is written."""
        return self.path.read_text(encoding="utf-8")

    @property
    def layouts(self) -> list[Source]:
        """The layouts of all variants."""
        return [layout for variant in self.card.variant_names for layout in self.card.layouts(variant)]

    @property
    def ranked(self) -> bool:
        """Whether the task has options."""
        return any(layout.options is not None for layout in self.layouts)

    def finding(self, code: str, message: str, *location: str | int) -> Finding:
        """A finding at a key of the card, such as `"templates", 3, "input"`."""
        template = int(location[1]) if location[0] == "templates" and len(location) > 1 else None
        return Finding(str(self.path), line_of(self.text, location), code, self.card.name, template, message)


def texts_of(template: Template) -> dict[str, str]:
    """The texts of a template that it has been given, by their keys."""
    bare = {} if template.bare is None else {"bare": template.bare}
    return {"input": template.input, **bare, "target": template.target}


def said(text: str) -> tuple[str, ...]:
    """How a template's text reads, less its OPTIONS block (see `openflan.tasks.text.readings`)."""
    return readings(text, _BLOCK)
