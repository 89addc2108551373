"""Measuring a model: its identity, the format it is asked in, and the evaluation, by one process or several."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from openflan.data.encode import Format
from openflan.data.rows import keep_rows, load_rows
from openflan.data.sources import parse_source
from openflan.evaluation.loop import OnProgress, evaluate
from openflan.evaluation.prompts import Load
from openflan.evaluation.results import LOG, Results, read_results
from openflan.evaluation.scoring.model import ModelScorer
from openflan.evaluation.scoring.processes import SplitScorer
from openflan.model.encoder import encoder_for
from openflan.model.format_file import read_format
from openflan.model.identity import model_identity
from openflan.model.load import load_model
from openflan.recipe import Recipe
from openflan.tasks.registry import Task
from openflan.training.parallel import World, world


def measure(
    recipe: Recipe, model: Path, name: str, out: Path, tasks: Sequence[Task], on_progress: OnProgress
) -> Results:
    """Evaluate the model in a folder as a recipe's `evaluate` section says, on the rows of its `data` section.

    Under torchrun the processes split the prompts; the first one writes, and all read what it wrote.
    """
    keep_test_rows(recipe, tasks)
    with world() as here:
        identity = {"name": name, **here.on_main(lambda: evaluation_identity(recipe, model))}
        encoder = encoder_for(model, recipe.format)  # which may not do, and is read sooner than the weights
        alone = ModelScorer(load_model(model, dtype=recipe.model.dtype, device=str(here.device)), encoder)
        scorer = alone if here.size == 1 else SplitScorer(alone)
        with _written_once(out, here) as folder:
            evaluate(
                recipe.evaluate, tasks, row_loader(recipe), scorer, folder, identity=identity, on_progress=on_progress
            )
        here.barrier()
    return read_results(out)


def evaluation_identity(recipe: Recipe, model: Path) -> dict[str, Any]:
    """What an answer to a prompt depends on: the model in its precision, and the format it is asked in.

    Which prompts are asked is no part of it: answers are kept by what was asked.
    """
    return {"model": model_identity(model, recipe.model.dtype), "format": asdict(recipe.format)}


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


def keep_test_rows(recipe: Recipe, tasks: Sequence[Task]) -> None:
    """Read with all cores, and keep, the rows that are measured on, so that what loads them finds them."""
    source = parse_source(recipe.data.source)
    for role in recipe.evaluate.roles:
        keep_rows(tasks, role, source, carve=recipe.data.carve)


def row_loader(recipe: Recipe) -> Load:
    """Where an evaluation's rows come from: the source of the recipe's `data` section."""
    return partial(load_rows, source=parse_source(recipe.data.source), carve=recipe.data.carve)


@contextmanager
def _written_once(out: Path, here: World) -> Iterator[Path]:
    """The folder that this process writes to: the first one `out`, the others a copy that is thrown away.

    All start from the same scores, so that all ask for the same ones.
    """
    if here.is_main:
        here.barrier()
        yield out
        return
    with TemporaryDirectory() as copy:
        if (out / LOG).is_file():
            shutil.copy(out / LOG, copy)
        here.barrier()
        yield Path(copy)


def _named(format: Format) -> str:
    return format.join if not format.chat else f"{format.join} {dict(format.chat)}"
