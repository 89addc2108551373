"""Whether a source of rows has what the cards expect, dataset by dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from openflan.data.sources import OpenTask, RowSource
from openflan.data.taskrows import rows_of
from openflan.errors import MissingRowsError, SchemaError
from openflan.tasks.registry import Task
from openflan.tasks.slices import Role

State = Literal["there", "missing", "different"]


@dataclass(frozen=True)
class RoleCheck:
    """A role's split and how many of its rows make examples; `left_out` counts the others by reason."""

    split: str
    rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """What a source has of one task.

    `missing`: no rows, or none for one of the card's roles. `different`: rows in another layout than the card's.
    `source` is the number, from 0, of the card's source whose layout was found; `columns` are those of each split that
    the card reads, with their Arrow types. `problems` say what is wrong and what to do.
    """

    task: str
    state: State
    origin: str = ""
    source: int | None = None
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    roles: dict[Role, RoleCheck] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check(task: Task, source: RowSource) -> Check:
    """Look for a task's rows and read those of every role; nothing that is wrong with them is raised."""
    try:
        opened = source.open(task)
        layout = opened.layout
    except (MissingRowsError, SchemaError) as error:
        return Check(task.name, _state(error), problems=[str(error)])
    roles: dict[Role, RoleCheck] = {}
    problems: dict[str, State] = {}
    for role, part in layout.splits.items():
        roles[role] = RoleCheck(part.split)
        try:
            rows = rows_of(opened, role)
        except (MissingRowsError, SchemaError) as error:
            problems[str(error)] = _state(error)
            continue
        roles[role] = RoleCheck(part.split, len(rows), dict(rows.skipped.most_common()))
    state: State = "there"
    if problems:
        state = "different" if "different" in problems.values() else "missing"
    number = task.layouts.index(layout)
    return Check(task.name, state, opened.origin, number, _columns(opened, roles), roles, list(problems))


def _state(error: MissingRowsError | SchemaError) -> State:
    return "different" if isinstance(error, SchemaError) else "missing"


def _columns(opened: OpenTask, roles: dict[Role, RoleCheck]) -> dict[str, dict[str, str]]:
    splits = dict.fromkeys(found.split for found in roles.values() if found.rows)
    return {split: {name.name: str(name.type) for name in opened.table(split).schema} for split in splits}
