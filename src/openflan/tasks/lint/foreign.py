"""Checks of foreign templates as they are written: that they compile, and can give an input and a target."""

from __future__ import annotations

from collections.abc import Iterator

from openflan.tasks.collections.rendering import BAR, compile_prompt
from openflan.tasks.lint.finding import CardFile, Finding
from openflan.tasks.text import TextError
from openflan.yamlfile import line_of


def check_foreign(file: CardFile) -> Iterator[Finding]:
    """Findings of every foreign template of a card."""
    for number, template in enumerate(file.card.foreign):
        if BAR not in template.jinja:
            yield foreign_finding(file, "FLN041", f"{template.name!r} has no {BAR} between input and target", number)
            continue
        try:
            compile_prompt(template.jinja, template.choices)
        except TextError as fault:
            yield foreign_finding(file, "FLN041", f"{template.name!r}: {fault}", number)


def foreign_finding(file: CardFile, code: str, message: str, number: int) -> Finding:
    """A finding at a foreign template, in a card or in promptsource's own file."""
    key = file.card.foreign[number].origin.rpartition(" ")[2]
    line = max(line_of(file.text, place) for place in (("foreign", number), ("templates", key)))
    return Finding(str(file.path), line, code, file.card.name, number, message)
