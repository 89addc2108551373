"""From an example to a prompt: a template's words around its fields, with the OPTIONS block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openflan.data.example import Example
from openflan.tasks.card import ANSWER, OPTIONS_BLOCK
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.text import Names, TextError, compile_text

BASELINE = "baseline"
"""The number of the untuned model's prompt, which is no template of the card."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads and what it is to write.

    `template` is the template's number from 0, or `baseline`. `options` are the strings that are ranked, in the
    dataset's own order, empty for free-form tasks and for inverted templates. `references` are all gold answers as
    the target would put them. `example` is what was put into words, kept so that a prompt that is too long can be
    written anew from shorter fields.
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
    example: Example | None = field(default=None, repr=False, compare=False)


def options_block(options: Sequence[str]) -> str:
    """The block that tells the model its allowed outputs, in the dataset's own order (paper section 2.3, Figure 1)."""
    return "OPTIONS:\n" + "\n".join(f"- {option}" for option in options)


class PromptWriter:
    """Puts examples of one task into the words of one template."""

    def __init__(self, task: Task, number: int) -> None:
        template = task.card.templates[number]
        self.name, self.number, self.template = task.name, number, template
        self._input, self._target = compile_text(template.input), compile_text(template.target)
        self._block = OPTIONS_BLOCK in template.input
        self._answers = template.target == ANSWER

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` when a field is unresolved or the input or target comes out empty."""
        names: dict[str, Any] = {**example.fields, "answer": example.answer, "options": example.options}
        if self._block and example.options:
            names[OPTIONS_BLOCK] = options_block(example.options)
        text, target = _render(self._input, names), _render(self._target, names)
        asks_for_answer = self._answers and not self.template.inverted
        return Prompt(
            dataset=self.name,
            template=self.number,
            row=example.row,
            input=text,
            target=target,
            options=example.options if asks_for_answer else (),
            references=example.references if asks_for_answer else (target,),
            inverted=self.template.inverted,
            group=example.group,
            example=example,
        )


class BaselineWriter:
    """Puts examples into the untuned model's GPT-3-style prompt (paper appendix A)."""

    def __init__(self, task: Task) -> None:
        if task.card.baseline is None:
            raise ValueError(f"{task.name} has no baseline prompt")
        self.name, self.baseline = task.name, task.card.baseline
        self._input, self._target = compile_text(self.baseline.input), compile_text(self.baseline.target)
        options = self.baseline.options
        self._options = (
            {label: compile_text(text) for label, text in options.items()} if isinstance(options, dict) else {}
        )

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` like a template's writer."""
        names: dict[str, Any] = {**example.fields, "answer": example.answer, "options": example.options}
        text = _render(self._input, names)
        target, options, references = _render(self._target, names), example.options, example.references
        if self._options:
            options = tuple(_render(self._options[label], names) for label in example.labels)
            renamed = dict(zip(example.options, options, strict=True))
            target, references = renamed[example.answer], tuple(renamed[text] for text in references)
        return Prompt(
            dataset=self.name,
            template=BASELINE,
            row=example.row,
            input=text,
            target=target,
            options=options,
            references=references,
            group=example.group,
            example=example,
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
