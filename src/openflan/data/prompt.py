"""From an example to a prompt: a template's words around its fields, with the OPTIONS block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openflan.data.example import Example
from openflan.tasks.card import OPTIONS_BLOCK, Baseline, Template
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.text import Names, TextError, compile_text


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads and what it is to write.

    `template` is the template's number from 0, or `baseline`. `options` are the strings that are ranked, in the
    dataset's own order, empty for free-form tasks and for inverted templates. `references` are all gold answers as
    the target would put them.
    """

    dataset: str
    template: int | str
    row: int
    input: str
    target: str
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    inverted: bool = False
    group: str | None = None


def options_block(options: Sequence[str]) -> str:
    """The block that tells the model its allowed outputs, in the dataset's own order (paper section 2.3, Figure 1)."""
    return "OPTIONS:\n" + "\n".join(f"- {option}" for option in options)


class PromptWriter:
    """Puts examples of one task into the words of one template."""

    def __init__(self, task: Task, number: int) -> None:
        template: Template = task.card.templates[number]
        self.name, self.number, self.template = task.name, number, template
        self._input, self._target = compile_text(template.input), compile_text(template.target)
        self._block = OPTIONS_BLOCK in template.input

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` when a field is unresolved or the input or target comes out empty."""
        names: dict[str, Any] = {**example.fields, "answer": example.answer, "options": example.options}
        if self._block and example.options:
            names[OPTIONS_BLOCK] = options_block(example.options)
        text, target = _render(self._input, names), _render(self._target, names)
        if self.template.inverted:
            return Prompt(self.name, self.number, example.row, text, target, (), (target,), True, example.group)
        return Prompt(
            self.name, self.number, example.row, text, target, example.options, example.references, False, example.group
        )


class BaselineWriter:
    """Puts examples into the untuned model's GPT-3-style prompt (paper appendix A)."""

    def __init__(self, task: Task) -> None:
        if task.card.baseline is None:
            raise ValueError(f"{task.name} has no baseline prompt")
        self.name, self.baseline = task.name, task.card.baseline
        self._input, self._target = compile_text(self.baseline.input), compile_text(self.baseline.target)
        options = self.baseline.options
        self._options = {label: compile_text(text) for label, text in options.items()} if isinstance(options, dict) else {}

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` like a template's writer."""
        names: dict[str, Any] = {**example.fields, "answer": example.answer, "options": example.options}
        text = _render(self._input, names)
        if not self._options:
            target = _render(self._target, names)
            return Prompt(self.name, "baseline", example.row, text, target, example.options, example.references)
        options = tuple(_render(self._options[label], names) for label in example.labels)
        renamed = dict(zip(example.options, options, strict=True))
        references = tuple(renamed[reference] for reference in example.references)
        return Prompt(
            self.name, "baseline", example.row, text, renamed[example.answer], options, references, group=example.group
        )


def writers(task: Task, limit: int | None = None, *, forward_only: bool = False) -> list[PromptWriter]:
    """The writers of a task's templates: the first `limit` of the list, all when None."""
    numbers = range(len(task.card.templates))[:limit]
    return [
        PromptWriter(task, number) for number in numbers if not (forward_only and task.card.templates[number].inverted)
    ]


def _render(compiled: Callable[[Names], str], names: Names) -> str:
    try:
        text = compiled(names).strip()
    except TextError as error:
        raise SkipRow(f"unresolved: {error}") from None
    if not text:
        raise SkipRow("empty input or target")
    return text
