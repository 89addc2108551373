"""What a piece of work needs beyond the base installation, asked before the work begins."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from openflan.errors import OpenflanError
from openflan.evaluation.metrics import check_extras
from openflan.recipe import Recipe
from openflan.tasks.registry import Task


def check_to_measure(recipe: Recipe, tasks: Iterable[Task]) -> None:
    """Raise `OpenflanError` where measuring these tasks would end for want of a package."""
    check_extras(task.card.metric for task in tasks)
    _check_rows(recipe)


def check_to_train(recipe: Recipe, *, without_rows: bool = False) -> None:
    """Raise `OpenflanError` where training by this recipe would end for want of a package."""
    if recipe.train.adapter is not None:
        _need("peft", "train.adapter", "lora")
    if not without_rows:
        _check_rows(recipe)


def _check_rows(recipe: Recipe) -> None:
    if "hub" in recipe.data.source.split(","):
        _need("datasets", "data.source: hub", "hub")


def _need(package: str, what: str, extra: str) -> None:
    try:
        import_module(package)
    except ImportError:
        raise OpenflanError(f"{what} needs {package}: pip install 'openflan[{extra}]'") from None
