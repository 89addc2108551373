"""Mixtures and held-out prompts in the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openflan.api.data import load_mixture
from openflan.api.evaluation import tasks_to_measure
from openflan.api.progress import bar
from openflan.api.training import check_model
from openflan.errors import OpenflanError, UnknownNameError, nearest
from openflan.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from openflan.interop.export.mixture import Written

TRAINERS = ("trl", "axolotl", "llamafactory", "open-instruct", "torchtune", "parquet")
"""Tools that train, which get the mixture."""
MEASURES = ("lm-eval", "inspect")
"""Tools that measure, which get the held-out prompts."""


def export(
    recipe: Recipe | str | Path,
    to: str,
    out: str | Path,
    *,
    examples: int | None = None,
    tokens: int | None = None,
    silent: bool = False,
) -> Written:
    """Write a recipe's mixture for a tool that trains, or its held-out prompts for one that measures (`lm-eval`, …).

    `examples` are how many to write, one round of the mixture when None, and `tokens` where to stop; for a tool that
    measures, the recipe's `evaluate` section says how many. The folder `out` gets the data, the tool's configuration
    and a page with columns and licences. Raises `UnknownNameError` for a tool that there is not, `OpenflanError` for
    a folder with other files in it, `MissingRowsError` and `ModelError`.

    >>> recipe = of.load_recipe("quickstart").replace(
    ...     model={"path": "tiny"}, data={"tasks": ["copa"]}, format={"join": "eos"}
    ... )
    >>> of.export(recipe, "trl", "exported", examples=20, silent=True).examples
    20
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if to in TRAINERS:
        return _export_mixture(recipe, to, Path(out).resolve(), examples, tokens, silent)
    if to not in MEASURES:
        raise UnknownNameError(f"no export to {to!r}{nearest(to, (*TRAINERS, *MEASURES))}")
    if examples or tokens:
        raise OpenflanError(f"{to} gets every prompt that the recipe measures; set evaluate.rows for fewer")
    return _export_prompts(recipe, to, Path(out).resolve(), silent)


def _export_mixture(
    recipe: Recipe, to: str, out: Path, examples: int | None, tokens: int | None, silent: bool
) -> Written:
    from openflan.data.stream import WINDOW
    from openflan.interop.export.mixture import write_mixture
    from openflan.interop.export.target import Job
    from openflan.interop.export.targets import TRAINERS as targets
    from openflan.study.stream import make_stream

    model = check_model(recipe, silent=silent)
    mixture = load_mixture(recipe.data, silent=silent).mixture
    wanted = examples or mixture.round
    stream = make_stream(recipe, model, mixture)
    stream.window = min(WINDOW, wanted)
    with bar("writing examples", wanted, silent=silent) as move:
        return write_mixture(
            stream, mixture, targets[to], Job(recipe, model.resolve(), out),
            examples=wanted, tokens=tokens, on_progress=move,
        )  # fmt: skip


def _export_prompts(recipe: Recipe, to: str, out: Path, silent: bool) -> Written:
    from openflan.interop.export.measured import MEASURES as targets
    from openflan.interop.export.measured import write_measured
    from openflan.model.encoder import encoder_for

    model = check_model(recipe, silent=silent).resolve()
    tasks = tasks_to_measure(recipe)
    with bar("writing prompts", None, silent=silent) as move:
        return write_measured(
            recipe, tasks, encoder_for(model, recipe.format), targets[to], out, model,
            lambda name: move(title=f"writing {name}"),
        )  # fmt: skip
