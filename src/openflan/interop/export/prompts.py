"""The prompts that a recipe measures, as other tools ask them: by task, split, setting and template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from openflan.data.encode import Encoder
from openflan.data.rows import load_rows
from openflan.data.sources import parse_source
from openflan.evaluation.prompts import Item, TaskPlan, plan_task
from openflan.recipe import Recipe
from openflan.tasks.registry import Task

COLUMNS: Mapping[str, str] = {
    "input": "what the model reads, joined as the recipe's format says, control tokens spelled out",
    "options": "what is ranked after it, each as it is scored, its end token included where the format scores that",
    "gold": "the places of the right options, from 0",
    "target": "the answer as training would label it",
    "question": "the prompt without the join, for a tool with a chat template of its own",
    "answers": "the options without the join",
    "references": "every right answer",
    "group": "what one metric judges together (the answers to one question)",
    "task": "the dataset, with its variant",
    "cluster": "the cluster of the dataset",
    "template_id": "the number of the template, or `baseline`, `plain`, `name`",
    "setting": "the setting that the prompt is put in",
    "split": "the split of the row: test or dev",
    "shots": "exemplars before the question",
    "source": "where the row was read from",
    "licence": "the licence of the dataset, as its card states it",
    "example_id": "the identity of the example, which follows from its content",
}
"""What every column means."""


@dataclass(frozen=True)
class Asked:
    """The prompts of one task, split, setting and template, all ranked or all answered in writing."""

    task: Task
    items: Sequence[Item]
    rows: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """A name of letters, digits and underscores that no other group has."""
        first = self.items[0]
        parts = ("openflan", self.task.name, first.setting, first.role, first.prompt.writer)
        kind = () if self.is_ranked else ("written",)
        return "_".join("".join(mark if mark.isalnum() else "_" for mark in part) for part in (*parts, *kind))

    @property
    def is_ranked(self) -> bool:
        """Whether options are ranked, and no answer is written."""
        return bool(self.items[0].prompt.options)

    @property
    def stop(self) -> Sequence[str]:
        """Strings that end a written answer."""
        return self.items[0].stop


def asked(recipe: Recipe, tasks: Sequence[Task], encoder: Encoder, notes: list[str]) -> Iterator[Asked]:
    """The prompts of a recipe's evaluation, group by group; `notes` gets a line for what cannot be asked."""
    load = partial(load_rows, source=parse_source(recipe.data.source), carve=recipe.data.carve)
    for task in tasks:
        plan, some = plan_task(recipe.evaluate, task, load)
        notes += some
        for _, items in groupby(plan.items(encoder) if plan else (), _kind):
            yield from _asked(task, list(items), plan, encoder)


def _kind(item: Item) -> tuple[str, str, str]:
    return item.role, item.setting, item.prompt.writer


def _asked(task: Task, items: list[Item], plan: TaskPlan | None, encoder: Encoder) -> Iterator[Asked]:
    assert plan is not None
    for some in ([one for one in items if one.prompt.options], [one for one in items if not one.prompt.options]):
        if some and (some[0].prompt.options or some[0].is_written):
            yield Asked(task, some, [_row(task, item, plan.rows[item.role].origin, encoder) for item in some])


def _row(task: Task, item: Item, origin: str, encoder: Encoder) -> dict[str, Any]:
    prompt, end = item.prompt, encoder.format.scores_end
    read, target = encoder.halves(prompt.input, prompt.target)
    return {
        "input": read,
        "options": [encoder.halves(prompt.input, option, end=end)[1] for option in prompt.options],
        "gold": [place for place, option in enumerate(prompt.options) if option in prompt.references],
        "target": target,
        "question": prompt.input,
        "answers": list(prompt.options),
        "references": list(prompt.references),
        "group": prompt.group or "",
        "task": task.name,
        "cluster": task.card.cluster,
        "template_id": prompt.writer,
        "setting": item.setting,
        "split": item.role,
        "shots": item.shots,
        "source": origin,
        "licence": task.card.licence,
        "example_id": prompt.example_id,
    }
