"""The linter's checks of a card as it is written; `openflan.data.lint` checks what it makes of rows.

Every finding has a code that never changes its meaning (`docs/lint.md` says how to mend each), so that a person can
look one up and a script can count them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import combinations
from pathlib import Path

from openflan.tasks.card import ANSWER, OPTIONS_BLOCK, Baseline, Card, Source
from openflan.tasks.cardfile import read_card
from openflan.tasks.text import literal_text, names_in, shown_names
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
}
"""What each code stands for. Up to FLN019 the card alone is looked at, from FLN020 on what it makes of rows."""

SIMILAR = 0.65
"""From this share of words in common (in order) two templates of a dataset count as nearly the same."""

OPENING = 5
"""More than two templates of a dataset must not share this many first words."""

TEMPLATES, FORWARD, INVERTED = 10, 6, 3
"""Templates of a dataset of Figure 3: how many, at least how many forward, at most how many inverted (section 2.1)."""

_RESERVED = frozenset({"answer", "options", OPTIONS_BLOCK})
_WORD = re.compile(r"□|[^\W_]+(?:['’][^\W_]+)*")
_STRAY = re.compile(r"(?P<edge>^[ \t](?=\S)|[ \t]+$)|(?P<blank>(?<=\S)[ \t]{2,}|\t)|(?P<lines>\n{3,})", re.MULTILINE)
_STRAY_WORDS = {"blank": "two blanks or a tab", "edge": "a blank at the edge of a line", "lines": "two empty lines"}
_ESCAPE = re.compile(r"\\.?|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});|</?(?:br|p|b|i)\s*/?>")

Location = tuple[str | int, ...]


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


def lint_card(file: CardFile) -> list[Finding]:
    """All that is wrong with a card as it is written, in the order of its lines."""
    return sorted(finding for check in _CHECKS for finding in check(file))


def similarity(first: str, second: str) -> float:
    """How alike two templates are, from 0 to 1: the share of their words in a longest common run of blocks.

    Words are compared without case and punctuation; each `{{ hole }}` is one word, whatever stands in it.
    """
    return SequenceMatcher(None, words(first), words(second), autojunk=False).ratio()


def words(template: str) -> list[str]:
    """The words of a template in lower case; each hole is one word."""
    return _WORD.findall(literal_text(template, " □ ", block=" ").lower())


def _fields(file: CardFile) -> Iterator[Finding]:
    used = frozenset[str]().union(*(names_in(text) for text in _texts(file)))
    for field in dict.fromkeys(name for layout in file.layouts for name in layout.fields):
        if field in _RESERVED:
            yield file.finding("FLN003", f"field {field!r} is hidden by the example's own", "fields", field)
        elif field not in used:
            yield file.finding("FLN001", f"no template uses the field {field!r}", "fields", field)


def _texts(file: CardFile) -> Iterator[str]:
    """All texts that can refer to a field."""
    for template in file.card.templates:
        yield from (template.input, template.target)
    places: list[Baseline | Source] = [*file.layouts, *([file.card.baseline] if file.card.baseline else [])]
    for place in places:
        if isinstance(place, Baseline):
            yield from (place.input, place.target)
        else:
            yield from (place.answer or "", place.references or "", place.group or "")
        yield from place.options.values() if isinstance(place.options, dict) else [place.options or ""]


def _names(file: CardFile) -> Iterator[Finding]:
    known = frozenset[str].intersection(*(frozenset(layout.fields) for layout in file.layouts)) | _RESERVED
    for number, template in enumerate(file.card.templates):
        for key, text in (("input", template.input), ("target", template.target)):
            for name in sorted(names_in(text) - known):
                fields = ", ".join(sorted(known - _RESERVED)) or "none"
                yield file.finding("FLN002", f"{name!r} is no field (fields: {fields})", "templates", number, key)


def _options(file: CardFile) -> Iterator[Finding]:
    for number, template in enumerate(file.card.templates):
        place = ("templates", number, "input")
        has_block = OPTIONS_BLOCK in names_in(template.input)
        if has_block and (template.inverted or not file.ranked):
            why = "an inverted template ranks nothing" if file.ranked else "the task has no options"
            yield file.finding("FLN007", f"an OPTIONS block, but {why}", *place)
        elif file.ranked and not template.inverted:
            if not has_block:
                yield file.finding("FLN004", "the OPTIONS block, {{ options_ }}, is missing", *place)
            elif not re.search(r"\{\{-?\s*options_\s*-?\}\}\s*$", template.input):
                yield file.finding("FLN005", "the OPTIONS block is not the last thing in the input", *place)
        if file.ranked and not template.inverted and template.target.strip() != ANSWER:
            yield file.finding(
                "FLN006", "the options are ranked, so the target must be {{ answer }}", *place[:2], "target"
            )


def _writing(file: CardFile) -> Iterator[Finding]:
    for number, template in enumerate(file.card.templates):
        for key, text in (("input", template.input), ("target", template.target)):
            plain = literal_text(text).strip("\n")
            kinds = dict.fromkeys(str(found.lastgroup) for found in _STRAY.finditer(plain))
            for kind in kinds:
                yield file.finding("FLN008", _STRAY_WORDS[kind], "templates", number, key)
            if found := _ESCAPE.search(plain):
                yield file.finding("FLN009", f"{found.group()!r} would be shown as it is", "templates", number, key)


def _alike(file: CardFile) -> Iterator[Finding]:
    templates = file.card.templates
    for first, second in combinations(range(len(templates)), 2):
        share = similarity(templates[first].input, templates[second].input)
        if share >= SIMILAR:
            message = f"{share:.0%} the same words as template {first} (from {SIMILAR:.0%} on they count as one)"
            yield file.finding("FLN010", message, "templates", second, "input")
    openings: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        openings[tuple(words(template.input)[:OPENING])].append(number)
    for opening, numbers in openings.items():
        if len(numbers) > 2:
            message = f"opens like templates {', '.join(map(str, numbers[:-1]))}: {' '.join(opening)}"
            yield file.finding("FLN011", message, "templates", numbers[-1], "input")


def _origin(file: CardFile) -> Iterator[Finding]:
    card = file.card
    for key, text in (("licence", card.licence), ("citation", card.citation)):
        if not text.strip():
            yield file.finding("FLN012", f"{key} is empty; write unknown where it is not known", key)
    if not card.access and not all(any(layout.hub for layout in card.layouts(name)) for name in card.variant_names):
        yield file.finding("FLN012", "no copy on the hub, and `access` does not say how to get rows", "sources")


def _counts(file: CardFile) -> Iterator[Finding]:
    if file.card.figure3 is None:
        return
    kinds = Counter(template.inverted for template in file.card.templates)
    if kinds.total() != TEMPLATES:
        yield file.finding("FLN013", f"{kinds.total()} templates, not {TEMPLATES}", "templates")
    if kinds[False] < FORWARD:
        yield file.finding("FLN013", f"{kinds[False]} forward templates, fewer than {FORWARD}", "templates")
    if kinds[True] > INVERTED:
        yield file.finding("FLN013", f"{kinds[True]} inverted templates, more than {INVERTED}", "templates")


def _leaks(file: CardFile) -> Iterator[Finding]:
    for number, template in enumerate(file.card.templates):
        place = ("templates", number, "input")
        if not template.inverted:
            if "answer" in names_in(template.input):
                yield file.finding("FLN027", "a forward template must not use the answer in its input", *place)
        elif both := shown_names(template.input) & shown_names(template.target) - {"options"}:
            shown = ", ".join(sorted(both))
            yield file.finding("FLN027", f"the input of an inverted template shows its own target ({shown})", *place)


_CHECKS: tuple[Callable[[CardFile], Iterator[Finding]], ...] = (
    _fields, _names, _options, _writing, _alike, _origin, _counts, _leaks,
)  # fmt: skip
