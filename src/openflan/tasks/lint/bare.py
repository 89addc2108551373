"""Checks of how templates are put bare, that is without the OPTIONS block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from openflan.tasks.card import OPTIONS_BLOCK
from openflan.tasks.lint.finding import CardFile, Finding, said
from openflan.tasks.lint.questions import asks_task, fixed_options, names_options
from openflan.tasks.lint.style import words
from openflan.tasks.text import names_in

_THINGS = r"(?:answers?|endings?|continuations?|completions?|sentences?|solutions?|statements?|phrases?|candidates?)"
_LIST = re.compile(
    r"\b(?:which (?:one )?of (?:these|those|them|the (?:following|two|options|choices|candidates))|one of (?:these|the "
    rf"following|the two)|options?|choices?|alternatives|(?:given|listed|offered|proposed) (?:below|above|here)|listed "
    rf"{_THINGS}|(?:in|from|on) the list|(?:the|these) (?:two|three|four|five|possible) "
    r"(?:answers|endings|continuations|completions|solutions|candidates))\b",
    re.IGNORECASE,
)
_CHOOSING = re.compile(r"\b(?:choose|pick|select)\b", re.IGNORECASE)
_WHICH = re.compile(rf"\b(?:choose|pick|select|which (?:\w+ )?{_THINGS})\b", re.IGNORECASE)
"""Words that speak of a list unless the template says itself what there is to choose from; the latter for options that
come with the rows (otherwise "which answers" may well be a relative clause)."""

_DANGLING = re.compile(
    r"(?:[(\[“‘]|\b(?:either|or|and|nor|between|among|from|these|following))[\s:,.\-–—]*$", re.IGNORECASE
)


def _forms(file: CardFile) -> Iterator[Finding]:
    options = fixed_options(file)
    for number, template in enumerate(file.card.templates):
        asks = asks_task(file, template)
        if template.bare is None:
            if asks and (spoken := _speaks_of_list(template.input, options)):
                message = f"{spoken!r} speaks of the list, which the bare prompt lacks; give a wording under bare"
                yield file.finding("FLN034", message, "templates", number, "input")
            continue
        place = ("templates", number, "bare")
        if not asks:
            why = "an inverted template" if template.inverted else "a task or a template without options"
            yield file.finding("FLN034", f"a bare form, but {why} has no OPTIONS block", *place)
        elif OPTIONS_BLOCK in names_in(template.bare):
            yield file.finding("FLN034", "the bare form has the OPTIONS block", *place)
        elif spoken := _speaks_of_list(template.bare, options):
            yield file.finding("FLN034", f"{spoken!r} speaks of the list, which the bare form lacks", *place)


def _speaks_of_list(text: str, options: frozenset[str] | None) -> str:
    choosing = _WHICH if options is None else _CHOOSING
    for reading in said(text):
        if found := _LIST.search(reading):
            return found.group()
        if (found := choosing.search(reading)) and not names_options(reading, options):
            return found.group()
    return ""


def _endings(file: CardFile) -> Iterator[Finding]:
    """A bare prompt must hold something, must not break off, and must differ from the other ones."""
    seen: dict[tuple[str, ...], int] = {}
    for number, template in enumerate(file.card.templates):
        if not asks_task(file, template):
            continue
        text = template.input if template.bare is None else template.bare
        place = ("templates", number, "input" if template.bare is None else "bare")
        readings = [reading.strip() for reading in said(text)]
        if not readings:
            yield file.finding("FLN035", "nothing is left without the OPTIONS block", *place)
        for reading in readings:
            if found := _DANGLING.search(reading) or _open_quote(reading):
                yield file.finding("FLN035", f"the bare prompt breaks off after {found.group().strip()!r}", *place)
                break
        first = seen.setdefault(tuple(words(" ".join(readings))), number)
        if readings and first != number:
            yield file.finding("FLN035", f"put bare, it is the same as template {first}", *place)


def _open_quote(text: str) -> re.Match[str] | None:
    last = text.rsplit("\n", 1)[-1]
    return re.search(r"\"[^\"]*$", last) if last.count('"') % 2 else None


CHECKS: tuple[Callable[[CardFile], Iterator[Finding]], ...] = (_forms, _endings)
