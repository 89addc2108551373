"""Checks of how a card is put together: fields, names, options, labels, counts and where rows come from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from openflan.tasks.card import ANSWER, OPTIONS_BLOCK, Baseline, Source
from openflan.tasks.lint.finding import CardFile, Finding, texts_of
from openflan.tasks.text import names_in, shown_names

TEMPLATES, FORWARD, INVERTED = 10, 6, 3
"""Templates of a dataset of Figure 3: how many, at least how many forward, at most how many inverted (section 2.1)."""

_RESERVED = frozenset({"answer", "options", OPTIONS_BLOCK})
_COLUMN = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")


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
        yield from texts_of(template).values()
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
        for key, text in texts_of(template).items():
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


def check_origin(file: CardFile) -> Iterator[Finding]:
    """A card without licence, citation or a way to get rows."""
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


def _labels(file: CardFile) -> Iterator[Finding]:
    """Options that are mapped from label names must name those of the column that holds the answer."""
    for layout in file.layouts:
        found = _COLUMN.fullmatch((layout.answer or "").strip())
        if not isinstance(layout.options, dict) or found is None:
            continue
        name = found.group(1)
        if layout.fields.get(name, found.group()) != found.group() or name not in layout.columns:
            continue
        kind = layout.columns[name]
        labels = ("False", "True") if kind.kind == "bool" else kind.labels
        skipped = " ".join(layout.skip.values())
        for label in labels:
            if label not in layout.options and not re.search(rf"""(['"]){re.escape(label)}\1""", skipped):
                yield file.finding("FLN036", f"the label {label!r} has no option", "options")
        for label in layout.options if labels else ():
            if label not in labels:
                message = f"{label!r} is no label of the column {name!r} ({', '.join(labels)}), so never the answer"
                yield file.finding("FLN036", message, "options", label)


CHECKS: tuple[Callable[[CardFile], Iterator[Finding]], ...] = (
    _fields, _names, _options, check_origin, _counts, _leaks, _labels,
)  # fmt: skip
