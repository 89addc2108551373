"""The linter's checks of what a card makes of rows: its examples and every template's prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from openflan.data.encode import Format
from openflan.data.example import Example
from openflan.data.prompt import Prompt, TemplateWriter, writers
from openflan.data.rows import Role, TaskRows, load_rows
from openflan.data.sources import RowSource
from openflan.errors import MissingRowsError, SchemaError
from openflan.tasks.lint import CardFile, Finding
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.text import names_in

ROWS = 40
"""Examples per role that are looked at."""

BYTES_PER_TOKEN = 4
"""To judge a target's length without a tokenizer: UTF-8 bytes in a token, on the average of languages."""

_SHORT = 4
"""Answers of up to so many characters may stand in a template's words by chance."""

_PHRASE = 4
"""Targets of fewer words may stand in a passage by chance."""

_ROLES: tuple[Role, ...] = ("train", "dev", "test")
_DOUBLED = re.compile(r"(?<![.?!,;:])(?:([?!,;:])[\"'’”)]?\1|[?!,;:]\.|\.[?,;:]|,[?!]|\.\.)(?!\.)")
_GAPS = re.compile(r"\n{3,}|(?<=\S)[ \t]{2,}|[ \t]+\n")
_IN_TEXT = ((_DOUBLED, "FLN028", "doubled punctuation"), (_GAPS, "FLN008", "stray white space"))
_CONTEXT = 10
"""Characters beside a match by which it is known to have come with a field."""
_BROKEN = {"answer is not one of the options": "FLN022", "two options are the same": "FLN023"}


def lint_rows(file: CardFile, source: RowSource, *, required: bool) -> list[Finding]:
    """All that is wrong with a card's examples and prompts on rows of `source`, in the order of its lines.

    A card without rows there is only a finding when they are `required`.
    """
    found: dict[tuple[str, int | None], Finding] = {}
    for variant in file.card.variant_names:
        task = Task(file.card, variant)
        for finding in _task(file, task, source, required):
            found.setdefault((finding.code, finding.template), finding)
    return sorted(found.values())


def _task(file: CardFile, task: Task, source: RowSource, required: bool) -> Iterator[Finding]:
    for role in _ROLES:
        if not any(role in layout.splits for layout in task.layouts):
            continue
        try:
            rows = load_rows(task, role, source)
        except SchemaError as error:
            yield file.finding("FLN021", str(error), "sources")
            return
        except MissingRowsError as error:
            if required:
                yield file.finding("FLN020", str(error), "name")
            continue
        yield from _examples(file, rows)
        examples = rows.examples(range(min(ROWS, len(rows))))
        for writer in writers(task):
            yield from _TemplateCheck(file, writer).run(examples)


def _examples(file: CardFile, rows: TaskRows) -> Iterator[Finding]:
    for reason, count in rows.skipped.items():
        message = f"{count} of {count + len(rows)} {rows.role} rows: {reason}"
        if reason in _BROKEN:
            yield file.finding(_BROKEN[reason], message, "options")
        elif reason.startswith("unresolved"):
            yield file.finding("FLN024", message, "fields")


@dataclass
class _TemplateCheck:
    """Writes one template on several examples and looks at what comes out."""

    file: CardFile
    writer: TemplateWriter
    found: list[Finding] = field(default_factory=list)

    def run(self, examples: Sequence[Example]) -> list[Finding]:
        """All findings of the template."""
        written, dropped = [], []
        for example in examples:
            try:
                written.append((example, self.writer.write(example)))
            except SkipRow as reason:
                dropped.append(f"row {example.row}: {reason}")
        # An inverted template may pass over rows that have nothing to ask for: an article without a title.
        if dropped and (not self.writer.template.inverted or 2 * len(dropped) > len(examples)):
            self._add("FLN025", f"{len(dropped)} of {len(examples)} examples dropped, such as {dropped[0]}", "input")
        for example, prompt in written:
            self._text(example, prompt.input, "input")
            if self.writer.template.inverted:
                self._text(example, prompt.target, "target")
        self._lengths([prompt for _, prompt in written])
        if self.writer.template.inverted:
            self._shows_target([prompt for _, prompt in written])
        elif written and not written[0][0].options:
            self._gives_away(written)
        return self.found

    def _text(self, example: Example, text: str, key: str) -> None:
        values = (*example.fields.values(), example.answer, example.options)
        data = [piece for value in values for piece in _texts(value)]
        for pattern, code, what in _IN_TEXT:
            for match in pattern.finditer(text):
                if not _from_data(match, text, data):
                    around = text[max(0, match.start() - 20) : match.end() + 20]
                    self._add(code, f"row {example.row}: {what} in {around!r}", key)
        for name, value in example.fields.items():
            if not isinstance(value, str | int | float) and len(str(value)) > 2 and str(value) in text:
                self._add("FLN029", f"row {example.row}: field {name!r} is shown as {str(value)[:40]!r}", key)

    def _lengths(self, prompts: Sequence[Prompt]) -> None:
        budget = Format().target_length
        long = [prompt for prompt in prompts if len(prompt.target.encode()) > budget * BYTES_PER_TOKEN]
        if 2 * len(long) > len(prompts):
            message = f"{len(long)} of {len(prompts)} targets are over some {budget} tokens, so most would be dropped"
            self._add("FLN026", message, "target")

    def _shows_target(self, prompts: Sequence[Prompt]) -> None:
        phrases = [prompt for prompt in prompts if len(prompt.target.split()) >= _PHRASE]
        shown = [prompt for prompt in phrases if prompt.target in prompt.input]
        if 2 * len(shown) > len(prompts):
            self._add("FLN027", f"row {shown[0].row}: the input shows its own target {shown[0].target[:40]!r}", "input")

    def _gives_away(self, written: Sequence[tuple[Example, Prompt]]) -> None:
        """A generated answer may stand in a passage, but no field must *be* it, nor may the template's words tell it.

        What stands there whatever the answer is (a fixed "unanswerable") tells nothing.
        """
        for name in sorted(written[0][0].fields.keys() & names_in(self.writer.template.input)):
            same = [prompt.row for example, prompt in written if example.fields[name] == prompt.target]
            if 2 * len(same) > len(written) and len({str(example.fields[name]) for example, _ in written}) > 1:
                self._add("FLN027", f"row {same[0]}: field {name!r} is the answer itself", "input")
        own = [(prompt.row, prompt.target, _without_data(prompt.input, example)) for example, prompt in written]
        for row, target, words in own:
            if len(target) > _SHORT and target in words and any(target not in other for _, _, other in own):
                self._add("FLN027", f"row {row}: the template's own words hold the answer {target[:40]!r}", "input")

    def _add(self, code: str, message: str, key: str) -> None:
        if all(finding.code != code for finding in self.found):
            self.found.append(self.file.finding(code, message, "templates", self.writer.number, key))


def _texts(value: Any) -> list[str]:
    """The pieces of text in a value."""
    if isinstance(value, str):
        return [value.casefold()]
    return [text for part in value for text in _texts(part)] if isinstance(value, list | tuple) else []


def _from_data(match: re.Match[str], text: str, data: Sequence[str]) -> bool:
    """Whether a match came with a field: it lies in the field's text, or what stands on one side of it does."""
    folded = text.casefold()
    left = folded[max(0, match.start() - _CONTEXT) : match.end()]
    right = folded[match.start() : match.end() + _CONTEXT]
    for value in data:
        if left in value or right in value:
            return True
        start = folded.find(value, max(0, match.end() - len(value)))
        if match.group() in value and 0 <= start <= match.start():
            return True
    return False


def _without_data(text: str, example: Example) -> str:
    """A prompt's text less the fields' own: what is left are the template's words."""
    values = [value for field in example.fields.values() for value in (field if isinstance(field, list) else [field])]
    for value in sorted((str(value) for value in values), key=len, reverse=True):
        text = text.replace(value, "\0") if value else text
    return text
