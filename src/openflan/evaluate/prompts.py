"""Which prompts are scored: tasks, splits, templates, rows and shots (paper section 2.3 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from openflan.data.encode import Encoder
from openflan.data.example import Example
from openflan.data.fewshot import FewShot, Shot, Shots
from openflan.data.fit import shorten
from openflan.data.order import hash64, permute_many
from openflan.data.prompt import BaselineWriter, Prompt, PromptWriter
from openflan.data.rows import Role, TaskRows
from openflan.errors import MissingRowsError, SchemaError
from openflan.evaluate.scoring.normalise import Normalisation
from openflan.tasks.card import ANSWER
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task

Load = Callable[[Task, Role], TaskRows]
"""Where rows come from: `load_rows` with a source."""


@dataclass(frozen=True)
class EvalPlan:
    """What to score, for every task.

    `templates`: all forward templates, the GPT-3-style prompt, or template numbers (inverted ones are passed over).
    `roles`: test, and dev for choosing the best template. `rows`: most rows per task and role, a seeded sample.
    `rank`: score the options of prompts that have some, compared by `normalise`. `generate`: write an answer greedily
    for prompts that are `free` of options, for `all`, or for `none`. `loss`: the log-likelihood of the right answer
    too, for prompts that are not ranked. `max_tokens` limits what is written.
    """

    templates: Literal["forward", "baseline"] | tuple[int, ...] = "forward"
    roles: tuple[Role, ...] = ("dev", "test")
    rows: int | None = None
    shots: Shots = field(default_factory=Shots)
    rank: bool = True
    normalise: Normalisation = "sum"
    generate: Literal["none", "free", "all"] = "free"
    loss: bool = False
    max_tokens: int = 256
    seed: int = 0

    def ranks(self, prompt: Prompt) -> bool:
        """Whether this prompt's options are ranked."""
        return self.rank and bool(prompt.options)

    def asks(self, options: bool) -> int:
        """Roughly how many questions the model gets for a prompt with or without options."""
        generated = self.generate == "all" or (self.generate == "free" and not options)
        ranked = self.rank and options
        return int(ranked) + int(generated) + int(self.loss and not ranked)

    def generates(self, prompt: Prompt) -> bool:
        """Whether an answer to this prompt is written."""
        return self.generate == "all" or (self.generate == "free" and not prompt.options)


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt to score: its split, the exemplars before it, and where a written answer ends.

    `direction` names the field a template asks for when that is not the card's answer (translation out of German, say):
    such prompts are a result of their own. `shortened`: a field was cut so that the input fits the format's length.
    """

    prompt: Prompt
    role: Role
    direction: str
    shots: int
    shortened: bool
    stop: tuple[str, ...]


@dataclass(frozen=True)
class TaskPlan:
    """The plan for one task, with the rows it needs."""

    plan: EvalPlan
    task: Task
    rows: dict[Role, TaskRows]
    exemplars: TaskRows | None

    @property
    def asks(self) -> int:
        """Roughly how many questions the model gets: rows that a template cannot use are counted too."""
        options = any(layout.options is not None for layout in self.task.layouts)
        rows = sum(min(len(rows), self.plan.rows or len(rows)) for rows in self.rows.values())
        return rows * len(_writers(self.task, self.plan)) * self.plan.asks(options)

    def items(self, encoder: Encoder) -> Iterator[Item]:
        """The prompts, role by role and template by template."""
        for role, rows in self.rows.items():
            examples = _sample(rows, self.plan.rows, self.plan.seed)
            for writer in _writers(self.task, self.plan):
                written = _written(writer, examples)
                prompts = shorten(written, encoder)
                found, stop = [Shot(prompt, 0) for prompt in prompts], _stop(writer)
                if self.exemplars is not None:
                    shots = FewShot(writer, self.exemplars, self.plan.shots, encoder)
                    found, stop = shots.extend(prompts), (*stop, shots.after)
                for (prompt, count), before, after in zip(found, written, prompts, strict=True):
                    yield Item(prompt, role, _direction(writer), count, after is not before, stop)


def plan_task(plan: EvalPlan, task: Task, load: Load) -> tuple[TaskPlan | None, list[str]]:
    """Load what a task needs; with notes on what it has not: rows or prompts at all (and so no plan), dev rows."""
    if plan.templates == "baseline" and task.card.baseline is None:
        return None, [f"{task.name}: the card has no baseline prompt"]
    if not _writers(task, plan):
        return None, [f"{task.name}: none of the templates asked for is a forward template"]
    has = {role for layout in task.layouts for role in layout.splits}
    if plan.shots.count and "train" not in has:
        return None, [f"{task.name}: no training split to draw exemplars from"]
    rows: dict[Role, TaskRows] = {}
    notes = []
    for role in plan.roles:
        if role not in has:
            continue
        try:
            rows[role] = load(task, role)
        except (MissingRowsError, SchemaError) as missing:
            if role != "dev":
                return None, [f"not measured: {missing}"]
            notes.append(f"no best template: {missing}")
    try:
        exemplars = load(task, "train") if plan.shots.count else None
    except (MissingRowsError, SchemaError) as missing:
        return None, [f"not measured, without exemplars: {missing}"]
    return TaskPlan(plan, task, rows, exemplars), notes


def _writers(task: Task, plan: EvalPlan) -> list[PromptWriter | BaselineWriter]:
    if plan.templates == "baseline":
        return [BaselineWriter(task)]
    forward = task.card.forward_templates
    wanted = forward if plan.templates == "forward" else [number for number in plan.templates if number in forward]
    return [PromptWriter(task, number) for number in wanted]


def _stop(writer: PromptWriter | BaselineWriter) -> tuple[str, ...]:
    return tuple(writer.baseline.stop) if isinstance(writer, BaselineWriter) else ()


def _direction(writer: PromptWriter | BaselineWriter) -> str:
    target = writer.template.target if isinstance(writer, PromptWriter) else writer.baseline.target
    return "" if target == ANSWER else target.strip("{} ")


def _written(writer: PromptWriter | BaselineWriter, examples: Sequence[Example]) -> list[Prompt]:
    prompts = []
    for example in examples:
        try:
            prompts.append(writer.write(example))
        except SkipRow:
            continue
    return prompts


def _sample(rows: TaskRows, limit: int | None, seed: int) -> list[Example]:
    """A seeded sample of the rows, in their own order; what one metric judges together stays together."""
    if limit is None or limit >= len(rows):
        return rows.examples(range(len(rows)))
    key = hash64("sample", seed, rows.task.name, rows.role)
    if not rows.layout.group:
        return rows.examples(np.sort(permute_many(np.arange(limit), len(rows), key)).tolist())
    examples = rows.examples(range(len(rows)))
    return sorted(examples, key=lambda example: hash64(key, example.group or ""))[:limit]
