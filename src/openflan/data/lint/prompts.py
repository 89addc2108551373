"""The linter's checks of the prompts that a template makes of examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from openflan.data.encode import Format
from openflan.data.example import Example
from openflan.data.lint.examples import strings
from openflan.data.lint.promises import BROKEN, promises
from openflan.data.prompt import Prompt, TemplateWriter
from openflan.tasks.lint.finding import CardFile, Finding, said, texts_of
from openflan.tasks.prepare import SkipRow
from openflan.tasks.text import names_in

BYTES_PER_TOKEN = 4
"""To judge a target's length without a tokenizer: UTF-8 bytes in a token, on the average of languages."""

_SHORT = 4
"""Answers of up to so many characters may stand in a template's words by chance."""

_PHRASE = 4
"""Targets of fewer words may stand in a passage by chance."""

_DOUBLED = re.compile(r"(?<![.?!,;:])(?:([?!,;:])[\"'’”)]?\1|[?!,;:]\.|\.[?,;:]|,[?!]|\.\.)(?!\.)")
_GAPS = re.compile(r"\n{3,}|(?<=\S)[ \t]{2,}|[ \t]+\n")
_IN_TEXT = ((_DOUBLED, "FLN028", "doubled punctuation"), (_GAPS, "FLN008", "stray white space"))
_CONTEXT = 10
"""Characters beside a match by which it is known to have come with a field."""


def check_prompts(file: CardFile, writer: TemplateWriter, key: str, examples: Sequence[Example]) -> list[Finding]:
    """All that is wrong with one template's prompts on these examples; `key` is that of the template's input."""
    return _TemplateCheck(file, writer, key).run(examples)


@dataclass
class _TemplateCheck:
    """Writes one template on several examples and looks at what comes out."""

    file: CardFile
    writer: TemplateWriter
    key: str
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
            self._add("FLN025", f"{len(dropped)} of {len(examples)} examples dropped, such as {dropped[0]}", self.key)
        for example, prompt in written:
            self._text(example, prompt.input, self.key)
            if self.writer.template.inverted:
                self._text(example, prompt.target, "target")
        self._lengths([prompt for _, prompt in written])
        self._promises([prompt for _, prompt in written])
        if self.writer.template.inverted:
            self._shows_target([prompt for _, prompt in written])
        elif written and not written[0][0].options:
            self._gives_away(written)
        return self.found

    def _text(self, example: Example, text: str, key: str) -> None:
        values = (*example.fields.values(), example.answer, example.options)
        data = [piece.casefold() for piece in strings(values)]
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

    def _promises(self, prompts: Sequence[Prompt]) -> None:
        for text in said(texts_of(self.writer.template)[self.key]):
            for promise in promises(text):
                given = [prompt for prompt in prompts if promise.words in prompt.input]
                broken = [prompt for prompt in given if not promise.kept(prompt.target)]
                if len(broken) > BROKEN * len(given):
                    message = f"{promise.words!r}, which {len(broken)} of {len(given)} targets are not, such as row "
                    self._add("FLN039", f"{message}{broken[0].row}: {broken[0].target[:60]!r}", self.key)

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
