"""Measuring a model: its identity, and the evaluation, by one process or several."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from openflan.data.encode import Encoder
from openflan.evaluation.loop import OnProgress, evaluate
from openflan.evaluation.prompts import PlannedEvaluation
from openflan.evaluation.results import LOG, Results, read_results
from openflan.evaluation.scoring.model import ModelScorer
from openflan.evaluation.scoring.processes import SplitScorer
from openflan.model.identity import model_identity
from openflan.model.load import load_model
from openflan.recipe import Recipe
from openflan.training.parallel import World, world


def measure(
    recipe: Recipe,
    model: Path,
    name: str,
    out: Path,
    plan: PlannedEvaluation,
    encoder: Encoder,
    on_progress: OnProgress,
) -> Results:
    """Ask the model in a folder what is planned, by its `encoder`; its scores go to the folder `out`.

    Under torchrun the processes split the prompts; the first one writes, and all read what it wrote.
    """
    with world() as here:
        identity = {"name": name, **here.on_main(lambda: evaluation_identity(recipe, model))}
        alone = ModelScorer(load_model(model, dtype=recipe.model.dtype, device=str(here.device)), encoder)
        scorer = alone if here.size == 1 else SplitScorer(alone)
        with _written_once(out, here) as folder:
            evaluate(plan, scorer, folder, identity=identity, on_progress=on_progress)
        here.barrier()
    return read_results(out)


def evaluation_identity(recipe: Recipe, model: Path) -> dict[str, Any]:
    """What an answer to a prompt depends on: the model in its precision, and the format it is asked in.

    Which prompts are asked is no part of it: answers are kept by what was asked.
    """
    return {"model": model_identity(model, recipe.model.dtype), "format": asdict(recipe.format)}


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
