"""What a soft prompt begins as: the labels of the datasets that it is trained on (Lester et al. 2021, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from openflan.data.select import select
from openflan.model.soft_prompt import SoftPrompt
from openflan.recipe import Recipe
from openflan.tasks.registry import Task
from openflan.training.config import TrainConfig


def with_labels(recipe: Recipe) -> TrainConfig:
    """The training settings of a recipe, with the labels of its datasets for a soft prompt that names none."""
    adapter = recipe.train.adapter
    if not isinstance(adapter, SoftPrompt) or adapter.init != "class_labels" or adapter.words:
        return recipe.train
    return replace(recipe.train, adapter=replace(adapter, words=label_words(select(recipe.data).train)))


def label_words(tasks: Iterable[Task]) -> tuple[str, ...]:
    """The option strings of tasks, each once; the words of its title for a task whose options vary by row."""
    words: dict[str, None] = {}
    for task in tasks:
        options = task.layouts[0].options
        fixed = [text for text in options.values() if "{" not in text] if isinstance(options, dict) else []
        words |= dict.fromkeys(fixed or task.card.title.lower().split())
    return tuple(words)
