"""What is asked of a model, and in which format; no torch, so that what is missing is said first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from openflan.data.encode import Encoder, Format
from openflan.data.rows import keep_rows, load_rows
from openflan.data.sources import parse_source
from openflan.evaluation.prompts import Load, PlannedEvaluation, plan_evaluation
from openflan.model.encoder import encoder_for
from openflan.model.format_file import read_format
from openflan.recipe import Recipe
from openflan.tasks.registry import Task


def plan_measuring(recipe: Recipe, model: Path, tasks: Sequence[Task]) -> tuple[PlannedEvaluation, Encoder]:
    """The prompts that a recipe asks of the model in a folder, and how they become its tokens.

    The model's tokenizer is tried first, then rows are read. Raises `ModelError`, `MissingRowsError` when no task can
    be measured, and `MissingExtraError`.
    """
    encoder = encoder_for(model, recipe.format)
    source = parse_source(recipe.data.source)
    for role in recipe.evaluate.roles:
        keep_rows(tasks, role, source, carve=recipe.data.carve)
    return plan_evaluation(recipe.evaluate, tasks, row_loader(recipe)), encoder


def row_loader(recipe: Recipe) -> Load:
    """Where an evaluation's rows come from: the source of the recipe's `data` section."""
    return partial(load_rows, source=parse_source(recipe.data.source), carve=recipe.data.carve)


def in_its_format(recipe: Recipe, model: Path) -> tuple[Recipe, str | None]:
    """The recipe with the format that the model was tuned in, and a sentence where that is not the recipe's.

    Lengths stay the recipe's: they limit what is read, and change no prompt that fits.
    """
    tuned = read_format(model)
    if tuned is None:
        return recipe, None
    asked = replace(tuned, input_length=recipe.format.input_length, target_length=recipe.format.target_length)
    if asked == recipe.format:
        return recipe, None
    told = f"{model} was tuned in the format {_named(tuned)}, and is asked in it (not {_named(recipe.format)})"
    return recipe.model_copy(update={"format": asked}), told


def _named(format: Format) -> str:
    return format.join if not format.chat else f"{format.join} {dict(format.chat)}"
