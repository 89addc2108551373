"""Writers of foreign templates: prompts in the words of promptsource's templates, made of a row as those know it.

The choices that a template lists are the options to rank. A template whose target is none of its choices is written
in training as it stands, and its answer is generated in evaluation, since nothing could be ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from openflan.data.example import Example
from openflan.data.order import hash64
from openflan.data.prompt import Prompt
from openflan.errors import CardError
from openflan.tasks.collections.rendering import Draw, compile_prompt
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.text import TextError


class ForeignWriter:
    """Puts examples of one task into the words of one foreign template.

    `cut` is the most characters of a printed value, `seed` decides what the template's `choice` draws.
    """

    direction = ""
    stop: tuple[str, ...] = ()

    def __init__(self, task: Task, number: int, *, cut: int | None = None, seed: int = 0) -> None:
        self.template = task.card.foreign[number]
        self.name, self.number, self.inverted = self.template.name, number, self.template.inverted
        self._task, self.cut, self.seed = task.name, cut, seed
        try:
            self._render = compile_prompt(self.template.jinja, self.template.choices, cut)
        except TextError as fault:
            raise CardError(f"{self.template.origin or task.name}: template {self.name!r}: {fault}") from None

    def write(self, example: Example) -> Prompt:
        """Render; raises `SkipRow`, with the template's name, where the template passes over the row."""
        try:
            parts = self._render(example.native, self._draws(example.row))
        except TextError as error:
            raise SkipRow(f"template {self.name!r} fails: {error}") from None
        if parts is None or not parts.input or not parts.target:
            raise SkipRow(f"template {self.name!r} gives nothing")
        choices = tuple(dict.fromkeys(choice for choice in parts.choices or () if choice))
        return Prompt(
            dataset=self._task,
            writer=self.name,
            row=example.row,
            input=parts.input,
            target=parts.target,
            options=choices if parts.target in choices and not self.inverted else (),
            references=(parts.target,),
            inverted=self.inverted,
            group=example.group,
            example=example,
            write=self.write,
            shown="native",
        )

    def _draws(self, row: int) -> Draw:
        """Draws that follow from the seed, the row, and how many came before, in every run alike."""
        calls = count()

        def draw(values: Sequence[Any]) -> Any:
            if not values:
                raise TextError("a choice among nothing")
            return values[hash64(self.seed, "choice", self._task, row, next(calls)) % len(values)]

        return draw


def foreign_writers(
    task: Task, limit: int | None = None, *, forward_only: bool = False, cut: int | None = None, seed: int = 0
) -> list[ForeignWriter]:
    """The writers of a task's foreign templates: the first `limit` of the list, all when None."""
    return [
        ForeignWriter(task, number, cut=cut, seed=seed)
        for number, template in enumerate(task.card.foreign[:limit])
        if not (forward_only and template.inverted)
    ]
