"""Checks that a template's question and its options go together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from openflan.tasks.card import ANSWER, Template
from openflan.tasks.lint.finding import CardFile, Finding, said
from openflan.tasks.text import HOLE, names_in

_POLAR = re.compile(
    r"(?:^|, |; )(?!(?:can|could|will|would) you\b)(?:is|are|was|were|am|does|do|did|can|could|has|have|had|will|would|"
    r"should|must|may|might)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(r"(?:^|, |; )(?:what|which|who|whom|whose|why|when|where|how)\b", re.IGNORECASE)
_SPEAKER = re.compile(r"^(?:[A-Z]\w*|[qQ]):\s+")
_YES_OR_NO = frozenset({"yes", "no", "true", "false", "correct", "incorrect", "right", "wrong"})


def fixed_options(file: CardFile) -> frozenset[str] | None:
    """The options of a task whose rows all have the same; None when they come with the rows, or there are none."""
    options: set[str] = set()
    for layout in file.layouts:
        if not isinstance(layout.options, dict) or any(names_in(text) for text in layout.options.values()):
            return None
        options |= set(layout.options.values())
    return frozenset(options)


def asks_task(file: CardFile, template: Template) -> bool:
    """Whether a template asks for one of the task's options."""
    return file.ranked and not template.inverted and template.target == ANSWER


def names_options(text: str, options: frozenset[str] | None) -> bool:
    """Whether a text itself says what may be answered: two of the fixed options, or "A or B"."""
    if options and sum(bool(re.search(rf"\b{re.escape(option)}\b", text, re.IGNORECASE)) for option in options) > 1:
        return True
    return bool(re.search(rf"(?:\w|{HOLE}|[\"')]) or (?:\w|{HOLE}|[\"'(])", text))


def _questions(file: CardFile) -> Iterator[Finding]:
    options = fixed_options(file)
    polar = options is not None and any(_first_word(option) in _YES_OR_NO for option in options)
    for number, template in enumerate(file.card.templates):
        if not asks_task(file, template):
            continue
        for text in dict.fromkeys(question for reading in said(template.input) for question in _asked(reading)):
            if names_options(text, options):
                continue
            if not polar and _POLAR.search(text) and not _OPEN.search(text):
                message = f"{text!r} is answered by yes or no, which are not the options"
            elif polar and _OPEN.search(text):
                message = f"{text!r} is not answered by yes or no, which are the options"
            else:
                continue
            yield file.finding("FLN033", message, "templates", number, "input")


def _asked(text: str) -> Iterator[str]:
    """The questions in a text, each without what comes before it."""
    for sentence in re.split(r"(?<=[.?!:])\s+|\n+", text):
        stripped = _SPEAKER.sub("", sentence.strip())
        if stripped.rstrip("\"'”’)").endswith("?"):
            yield stripped


def _first_word(option: str) -> str:
    found = re.search(r"\w+", option.casefold())
    return found.group() if found else ""


CHECKS: tuple[Callable[[CardFile], Iterator[Finding]], ...] = (_questions,)
