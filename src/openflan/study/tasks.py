"""Which tasks a recipe measures, and what each is to the model: held out, trained on, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openflan.data.select import excluded_cards, select
from openflan.errors import RecipeError
from openflan.recipe import Recipe
from openflan.tasks.registry import Task


@dataclass(frozen=True)
class MeasuredTasks:
    """The tasks to measure. What was trained on is never called unseen, however it came to be measured."""

    held_out: Sequence[Task]
    seen: Sequence[Task]
    other: Sequence[Task]

    def all(self) -> list[Task]:
        """Every task once."""
        return [*self.held_out, *self.seen, *self.other]


def measured_tasks(recipe: Recipe) -> MeasuredTasks:
    """What a recipe measures: `evaluate.tasks` (what it holds out, when it names none) and `evaluate.seen`.

    Raises `RecipeError` for a task in `evaluate.seen` that the mixture does not train on.
    """
    selection, catalog = select(recipe.data), recipe.data.catalog()
    trained = {task.name for task in selection.train}
    closed = excluded_cards(catalog, recipe.data.hold_out, recipe.data.hold_out_rule)
    seen = [task for name in recipe.evaluate.seen for task in catalog.tasks(name)]
    if untrained := [task.name for task in seen if task.name not in trained]:
        raise RecipeError(f"evaluate.seen names {', '.join(untrained)}, which the mixture does not train on")
    named = [task for name in recipe.evaluate.tasks for task in catalog.tasks(name)] or selection.held_out
    tasks = {task.name: task for task in [*named, *seen] if _has_test_rows(task)}
    held_out = [task for task in tasks.values() if task.name not in trained and task.card.name in closed]
    return MeasuredTasks(
        held_out,
        [task for task in tasks.values() if task.name in trained],
        [task for task in tasks.values() if task.name not in trained and task.card.name not in closed],
    )


def _has_test_rows(task: Task) -> bool:
    return any("test" in layout.splits for layout in task.layouts)
