"""Which prompts are scored: tasks, splits, templates, rows and shots (paper section 2.3 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from openflan.data.encode import Encoder
from openflan.data.example import Example
from openflan.data.fewshot import FewShot, Shot
from openflan.data.fit import shorten
from openflan.data.limits import TARGET_TOKENS
from openflan.data.order import hash64, permute_many
from openflan.data.prompt import Prompt, Writer
from openflan.data.select import Names
from openflan.data.settings import OPTIONS, PRESETS, Setting, Settings
from openflan.errors import MissingRowsError, SchemaError
from openflan.evaluation.metrics import check_extras, refusal
from openflan.evaluation.scoring.normalise import Normalisation
from openflan.lists import Listed
from openflan.ranges import Count, Natural, Seed
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.slices import Role

if TYPE_CHECKING:
    from openflan.data.rows import TaskRows

_LOOKED_AT = 64
"""Examples from which it is told whether a metric suits their script."""

Load = Callable[[Task, Role], "TaskRows"]
"""Where rows come from: `load_rows` with a source."""


@dataclass(frozen=True)
class EvalConfig:
    """What is measured, on what, how (the section `evaluate` of a recipe)."""

    tasks: Names = ()
    """Presets, clusters or datasets; what the recipe holds out when empty."""
    seen: Names = ()
    """Tasks of the training mixture that are measured too, on their own test rows."""
    rows: Count | None = None
    """Most test rows per dataset, a seeded sample; all when empty. What one metric judges together stays together."""
    roles: Annotated[tuple[Role, ...], Listed] = ("test",)
    """Splits to score; with `dev`, the best template on it is reported on test too."""
    settings: Settings = field(default_factory=lambda: {OPTIONS: PRESETS[OPTIONS]})
    """How prompts are put, each scored on its own; the first is the one that findings speak of. `options` is the
    paper's, `bare` leaves the OPTIONS block out, `baseline` is GPT-3's way (`openflan.data.settings`)."""
    templates: Literal["forward"] | Annotated[tuple[Natural, ...], Listed] = "forward"
    """All forward templates, or template numbers (inverted ones are passed over)."""
    normalise: Normalisation = "sum"
    """What options are compared by: `sum` (the paper's), per `token`, per `character`, or `pmi`."""
    generate: Literal["none", "free", "all"] = "free"
    """Write an answer to free-form prompts, to all prompts, or to none."""
    generate_rows: Count | None = None
    """Most rows per dataset whose prompts get a written answer besides being ranked; all when empty."""
    loss: bool = False
    """Also measure the loss on the right answers of prompts that are not ranked."""
    max_tokens: Count = TARGET_TOKENS
    """Longest written answer, in tokens; the paper's targets have up to 256."""
    seed: Seed = 0
    """Decides which rows are sampled and which exemplars drawn."""

    def ranks(self, prompt: Prompt) -> bool:
        """Whether this prompt's options are ranked."""
        return bool(prompt.options)

    def generates(self, prompt: Prompt) -> bool:
        """Whether an answer to this prompt is written."""
        return self.generate == "all" or (self.generate == "free" and not prompt.options)

    def questions_per_prompt(self, options: bool) -> int:
        """Roughly how many questions the model gets for a prompt with or without options."""
        generated = self.generate == "all" or (self.generate == "free" and not options)
        return int(options) + int(generated) + int(self.loss and not options)


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt to score: its split and setting, the exemplars before it, and where a written answer ends.

    `direction` names the field a template asks for when that is not the card's answer (translation out of German, say):
    such prompts are a result of their own. `shortened`: a field was cut so that the input fits the format's length.
    `is_written`: an answer to it is written.
    """

    prompt: Prompt
    role: Role
    setting: str
    direction: str
    shots: int
    shortened: bool
    stop: tuple[str, ...]
    is_written: bool


@dataclass(frozen=True)
class TaskPlan:
    """The plan for one task: its rows by role, the writers of each setting, and the rows exemplars are from."""

    config: EvalConfig
    task: Task
    rows: dict[Role, TaskRows]
    writers: dict[str, Sequence[Writer]]
    exemplars: TaskRows | None

    @property
    def questions(self) -> int:
        """Roughly how many questions the model gets: rows that a template cannot use are counted too."""
        options = any(layout.options is not None for layout in self.task.layouts)
        rows = sum(min(len(rows), self.config.rows or len(rows)) for rows in self.rows.values())
        return rows * sum(map(len, self.writers.values())) * self.config.questions_per_prompt(options)

    def items(self, encoder: Encoder) -> Iterator[Item]:
        """The prompts, role by role, setting by setting and template by template."""
        for role, rows in self.rows.items():
            examples = _sample(rows, self.config.rows, self.config.seed)
            written = _answered_in_writing(self.config, examples)
            for setting, writers in self.writers.items():
                for writer in writers:
                    for item in self._items(role, setting, writer, examples, encoder):
                        ranked_only = bool(item.prompt.options) and item.prompt.example_id not in written
                        yield replace(item, is_written=False) if ranked_only else item

    def _items(
        self, role: Role, setting: str, writer: Writer, examples: Sequence[Example], encoder: Encoder
    ) -> Iterator[Item]:
        written = _written(writer, examples)
        prompts = shorten(written, encoder)
        found, stop = [Shot(prompt, 0) for prompt in prompts], writer.stop
        shots = replace(self.config.settings[setting].shots, seed=self.config.seed)
        if shots.count and self.exemplars is not None:
            few_shot = FewShot(writer, self.exemplars, shots, encoder)
            found, stop = few_shot.extend(prompts), (*stop, few_shot.after)
        for (prompt, count), before, after in zip(found, written, prompts, strict=True):
            writes = self.config.generates(prompt)
            yield Item(prompt, role, setting, writer.direction, count, after is not before, stop, writes)


@dataclass(frozen=True)
class PlannedEvaluation:
    """What is asked, task by task, and what could not be planned and why."""

    config: EvalConfig
    tasks: Sequence[TaskPlan]
    notes: Sequence[str]


def plan_evaluation(config: EvalConfig, tasks: Sequence[Task], load: Load) -> PlannedEvaluation:
    """Load all that an evaluation needs but the model. Tasks that have no rows, or that no setting has a prompt for,
    are named in the notes.

    Raises `MissingRowsError` when no task can be measured, and `MissingExtraError` for a metric whose package is not
    installed.
    """
    check_extras(task.card.metric for task in tasks)
    planned = [plan_task(config, task, load) for task in tasks]
    notes = [note for _, some in planned for note in some]
    plans = [one for one, _ in planned if one is not None]
    if tasks and not plans:
        raise MissingRowsError("nothing can be measured:\n" + "\n".join(f"- {note}" for note in notes))
    return PlannedEvaluation(config, plans, notes)


def plan_task(config: EvalConfig, task: Task, load: Load) -> tuple[TaskPlan | None, list[str]]:
    """Load what a task needs, with notes on what it lacks: dev rows, or any rows or prompts (and so a plan)."""
    writers = {name: _writers(config, setting, task) for name, setting in config.settings.items()}
    notes = [f"{task.name}: no prompts in the setting {name!r}" for name, some in writers.items() if not some]
    writers = {name: some for name, some in writers.items() if some}
    if not writers:
        return None, notes
    has = {role for layout in task.layouts for role in layout.splits}
    shots = any(config.settings[name].shots.count for name in writers)
    if shots and "train" not in has:
        return None, [f"{task.name}: no training split to draw exemplars from"]
    rows: dict[Role, TaskRows] = {}
    for role in config.roles:
        if role not in has:
            continue
        try:
            rows[role] = load(task, role)
        except (MissingRowsError, SchemaError) as missing:
            if role != "dev":
                return None, [f"not measured: {missing}"]
            notes.append(f"no best template: {missing}")
    if reason := _refusal(task, writers, rows):
        return None, [f"{task.name}: not measured: {reason}"]
    try:
        exemplars = load(task, "train") if shots else None
    except (MissingRowsError, SchemaError) as missing:
        return None, [f"not measured, without exemplars: {missing}"]
    return TaskPlan(config, task, rows, writers, exemplars), notes


def _refusal(task: Task, writers: dict[str, Sequence[Writer]], rows: dict[Role, TaskRows]) -> str | None:
    """Why the metric says nothing about this task's answers, judged by some of each direction; None where it does."""
    directions = {writer.direction: writer for some in writers.values() for writer in some}
    for part in rows.values():
        examples = part.examples(range(min(_LOOKED_AT, len(part))))
        for writer in directions.values():
            golds = [gold for prompt in _written(writer, examples) if not prompt.options for gold in prompt.references]
            if reason := refusal(task.card.metric, golds):
                return reason
    return None


def _writers(config: EvalConfig, setting: Setting, task: Task) -> Sequence[Writer]:
    found = setting.writers_of(task, forward_only=True)
    if setting.writers != "templates" or config.templates == "forward":
        return found
    wanted = {str(number) for number in config.templates}
    return [writer for writer in found if writer.name in wanted]


def _answered_in_writing(config: EvalConfig, examples: Sequence[Example]) -> set[str]:
    """The examples whose ranked prompts get a written answer too: a seeded choice of `config.generate_rows`."""
    names = sorted({example.id for example in examples}, key=lambda name: hash64("written", config.seed, name))
    return set(names[: config.generate_rows])


def _written(writer: Writer, examples: Sequence[Example]) -> list[Prompt]:
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
    groups: dict[str, list[Example]] = {}
    for example in rows.examples(range(len(rows))):
        groups.setdefault(example.group or "", []).append(example)
    chosen: list[Example] = []
    for group in sorted(groups, key=lambda group: hash64(key, group)):
        chosen += groups[group]
        if len(chosen) >= limit:
            break
    return chosen
