"""From an example to a prompt: writers put an example into words, with the OPTIONS block or bare.

| writer | what the model reads | used for |
|---|---|---|
| `0`, `1`, … | a template of the card | instruction tuning (paper section 2.1) |
| `baseline` | the card's GPT-3-style prompt | the untuned model (paper appendix A) |
| `plain` | the raw fields, no instruction | the ablation "no template" (paper section 4.3) |
| `name` | the names of task and dataset, then the raw fields | the ablation "dataset name" (paper section 4.3) |
| any other | the foreign template of that name (`openflan.data.foreign`) | tasks of other collections |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from openflan.data.blocks import BlockStyle, Listing, drawn_block, options_block
from openflan.data.example import Example
from openflan.tasks.card import ANSWER, OPTIONS_BLOCK, Template
from openflan.tasks.clusters import CLUSTERS
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.text import Names, TextError, compile_text, names_in

BASELINE, PLAIN, NAME = "baseline", "plain", "name"
"""The writers that are no template of the card."""

PROMPTSOURCE = "promptsource"
"""The setting of a card's foreign templates."""

Write = Callable[[Example], "Prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads and what it is to write.

    `writer` names what put the example into words (see the module's table), and `block` says whether the input ends
    with the OPTIONS block. `options` are the strings that are ranked, in the dataset's own order, empty for free-form
    tasks and for inverted templates. `references` are all gold answers as the target would put them. `example` is what
    was put into words, `shown` names the part of it whose values the input shows, and `write` does it again, so that a
    prompt that is too long can be made from shorter values.
    """

    dataset: str
    writer: str
    row: int
    input: str
    target: str
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    block: bool = False
    inverted: bool = False
    group: str | None = None
    example: Example | None = field(default=None, repr=False, compare=False)
    write: Write | None = field(default=None, repr=False, compare=False)
    shown: Literal["fields", "native"] = field(default="fields", repr=False, compare=False)

    @property
    def example_id(self) -> str:
        """The identity of the example behind the prompt, which follows from its content alone."""
        return self.example.id if self.example else ""


class Writer(Protocol):
    """Puts the examples of one task into words.

    `direction` names the field that is asked for when that is not the card's answer (translation into English, say);
    `stop` are strings that end a written answer.
    """

    name: str
    inverted: bool
    direction: str
    stop: tuple[str, ...]

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` when a field is unresolved or the input or target comes out empty."""
        ...


class TemplateWriter:
    """Puts examples of one task into the words of one template, with the OPTIONS block or without it.

    A `drawn` block looks otherwise for every row and template (`openflan.data.blocks`), as `seed` decides.
    The template is compiled when it is first put: a mixture has hundreds.
    """

    stop: tuple[str, ...] = ()

    def __init__(
        self, task: Task, number: int, *, options: bool = True, block: BlockStyle = "dashes", seed: int = 0
    ) -> None:
        template = task.card.templates[number]
        self.name, self.number, self.template, self.inverted = str(number), number, template, template.inverted
        self.direction = "" if ANSWER in template.target else template.target.strip("{} ")
        self._task, self.shows_options, self.draws_block, self.seed = task.name, options, block == "drawn", seed
        self._answers = template.target == ANSWER and not template.inverted

    @cached_property
    def _input(self) -> Callable[[Names], str]:
        return compile_text(self.template.input if self.shows_options else bare_input(self.template))

    @cached_property
    def _target(self) -> Callable[[Names], str]:
        return compile_text(self.template.target)

    @cached_property
    def _block(self) -> bool:
        return OPTIONS_BLOCK in self.template.input and OPTIONS_BLOCK in names_in(self.template.input)

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` when a field is unresolved or the input or target comes out empty."""
        names = _names(example)
        shown = self.shows_options and self._block and bool(example.options)
        listing = self._listing(example) if shown else Listing("", example.options)
        if self._block and (example.options or not self.shows_options):
            names[OPTIONS_BLOCK] = listing.text
        text, target = _render(self._input, names), _render(self._target, names)
        references = example.references if self._answers else (target,)
        if self._answers and listing.answers != example.options:
            renamed = dict(zip(example.options, listing.answers, strict=True))
            target, references = renamed[target], tuple(renamed[text] for text in references if text in renamed)
        return Prompt(
            dataset=self._task,
            writer=self.name,
            row=example.row,
            input=text,
            target=target,
            options=listing.answers if self._answers else (),
            references=references,
            block=shown,
            inverted=self.inverted,
            group=example.group,
            example=example,
            write=self.write,
        )

    def _listing(self, example: Example) -> Listing:
        if not self.draws_block:
            return Listing(options_block(example.options), example.options)
        return drawn_block(example.options, self.seed, "block", self._task, example.row, self.name)


def bare_input(template: Template) -> str:
    """The text of a template's input as it is put without the OPTIONS block."""
    return template.bare if template.bare is not None else template.input


class BaselineWriter:
    """Puts examples into the untuned model's GPT-3-style prompt (paper appendix A)."""

    name, inverted = BASELINE, False

    def __init__(self, task: Task) -> None:
        if task.card.baseline is None:
            raise ValueError(f"{task.name} has no baseline prompt")
        self._task, baseline = task.name, task.card.baseline
        self.stop = tuple(baseline.stop)
        self.direction = "" if baseline.target == ANSWER else baseline.target.strip("{} ")
        self._input, self._target = compile_text(baseline.input), compile_text(baseline.target)
        options = baseline.options
        self._options = (
            {label: compile_text(text) for label, text in options.items()} if isinstance(options, dict) else {}
        )

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` like a template's writer."""
        names = _names(example)
        text = _render(self._input, names)
        target, options, references = _render(self._target, names), example.options, example.references
        if self._options:
            options = tuple(_render(self._options[label], names) for label in example.labels)
            renamed = dict(zip(example.options, options, strict=True))
            target, references = renamed[example.answer], tuple(renamed[text] for text in references)
        return Prompt(
            dataset=self._task,
            writer=self.name,
            row=example.row,
            input=text,
            target=target,
            options=options,
            references=references,
            group=example.group,
            example=example,
            write=self.write,
        )


class FieldsWriter:
    """Puts examples as their raw fields, a line each, under a line of names where `named` (paper section 4.3).

    The fields are those that at least half of the forward templates put; a field that serves one odd template only is
    no part of the task.
    """

    inverted, direction = False, ""
    stop: tuple[str, ...] = ()

    def __init__(self, task: Task, *, named: bool, options: bool = False) -> None:
        card = task.card
        self.name = NAME if named else PLAIN
        self._task, self._options = task.name, options
        cluster = CLUSTERS.get(card.cluster, card.cluster)
        self._head = f"[{cluster}: {card.figure3 or card.title}]" if named else ""
        asking = [one for one in card.templates if not one.inverted and one.target == ANSWER]
        used = [names_in(template.input) for template in asking]
        fields = dict.fromkeys(name for layout in task.layouts for name in layout.fields)
        self.fields = [name for name in fields if 2 * sum(name in names for names in used) >= len(used) > 0]

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow` when nothing is left to read."""
        texts = [_as_text(example.fields[name]) for name in self.fields if name in example.fields]
        shown = self._options and bool(example.options)
        text = "\n".join(part for part in [self._head, *texts] if part)
        if shown:
            text += f"\n\n{options_block(example.options)}"
        if not text or not example.answer.strip():
            raise SkipRow("empty input or target")
        return Prompt(
            dataset=self._task,
            writer=self.name,
            row=example.row,
            input=text,
            target=example.answer.strip(),
            options=example.options,
            references=example.references,
            block=shown,
            group=example.group,
            example=example,
            write=self.write,
        )


def writers(
    task: Task,
    limit: int | None = None,
    *,
    forward_only: bool = False,
    options: bool = True,
    block: BlockStyle = "dashes",
    seed: int = 0,
) -> list[TemplateWriter]:
    """The writers of a task's templates: the first `limit` of the list, all when None."""
    numbers = range(len(task.card.templates))[:limit]
    return [
        TemplateWriter(task, number, options=options, block=block, seed=seed)
        for number in numbers
        if not (forward_only and task.card.templates[number].inverted)
    ]


def _names(example: Example) -> dict[str, Any]:
    return {**example.fields, "answer": example.answer, "options": example.options}


def _as_text(value: Any) -> str:
    return "\n".join(map(str, value)).strip() if isinstance(value, list | tuple) else str(value).strip()


def _render(compiled: Callable[[Names], str], names: Names) -> str:
    try:
        text = compiled(names).strip()
    except TextError as error:
        raise SkipRow(f"unresolved: {error}") from None
    if not text:
        raise SkipRow("empty input or target")
    return text
