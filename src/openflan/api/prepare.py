"""Before a training run: rows packed to disk or to look at, and whether the run fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.api.data import load_mixture
from openflan.api.progress import bar, fetch_model
from openflan.api.training import check_model
from openflan.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from openflan.data.shards import Counts
    from openflan.training.estimate import Estimate


def prepare(
    recipe: Recipe | str | Path,
    out: str | Path | None = None,
    *,
    rows: int | None = None,
    workers: int | None = None,
    silent: bool = False,
    say: Callable[[str], None] = print,
) -> Counts:
    """Tokenize and pack a recipe's mixture to the folder `out` (`prepared/NAME` if None); what is there is kept.

    `rows` are packed rows, those of the recipe's training run when None; `workers` are processes, one per core when
    None; `say` gets a line for each damaged file that is made again. `train(..., prepared=out)` reads them. Raises
    `MissingRowsError`, `ModelError`, and `OpenflanError` for a folder that holds another mixture.

    >>> recipe = of.load_recipe("quickstart").replace(
    ...     model={"path": "tiny"}, data={"tasks": ["copa"]}, format={"join": "eos"}
    ... )
    >>> made = of.prepare(recipe, "prepared/copa", rows=2, workers=1, silent=True)
    >>> made.rows >= 2, made.fill > 0.5
    (True, True)
    """
    from openflan.data.prepared import prepare as write_rows
    from openflan.study.stream import MIXTURE, about_mixture, make_stream
    from openflan.sums import write_sealed

    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    folder = Path(out) if out else prepared_folder(recipe)
    model = check_model(recipe, silent=silent)
    mixture = load_mixture(recipe.data, silent=silent).mixture
    wanted = rows or recipe.train.total_steps * recipe.train.rows_per_step
    with bar("preparing rows", wanted, silent=silent) as move:
        made = write_rows(
            make_stream(recipe, model, mixture),
            wanted,
            folder,
            workers=workers,
            on_progress=lambda done: move(min(done.rows, wanted)),
            say=say,
        )
    write_sealed(folder / MIXTURE, about_mixture(mixture))  # not before it is sure that the folder is this mixture's
    return made


def prepared_folder(recipe: Recipe) -> Path:
    """Where a recipe's prepared rows go when nobody says otherwise."""
    return Path("prepared") / recipe.name


def estimate(
    recipe: Recipe | str | Path, *, gpu: str | None = None, gpus: int = 1, shape: str | None = None
) -> Estimate:
    """What a recipe's training run needs: memory in bytes, tokens, seconds, and the assumptions behind them.

    `gpu` is a kind of device (`h200`, …; this machine's CPU when None), `gpus` how many; `shape` is one that comes with
    openflan, in place of the recipe's model. No weights are read. Raises `ModelError`, and `TrainError` for a device
    or shape that is not known.

    >>> of.estimate("flan62_8b", shape="llama-8b", gpu="h100", gpus=8).fits
    True
    """
    from openflan.training.estimate import estimate as estimate_run
    from openflan.training.estimate import shape_of

    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    model = shape_of(shape) if shape else str(fetch_model(recipe.model.path))
    return estimate_run(model, recipe.train, device=gpu, count=gpus)


@dataclass(frozen=True)
class PackedExample:
    """An example in a packed row: where it stands, and its two halves as text."""

    first: int
    start: int
    last: int
    read: str
    labelled: str


def packed_examples(recipe: Recipe, count: int, *, silent: bool = False) -> Iterator[list[PackedExample]]:
    """The first `count` packed rows of a recipe's training run as text, a list of examples for each row.

    An example takes the positions `first` to `last` of its row; those from `start` on are labelled.
    """
    from openflan.study.stream import make_stream

    mixture = load_mixture(recipe.data, silent=silent).mixture
    stream = make_stream(recipe, fetch_model(recipe.model.path, silent=silent), mixture)
    decode = stream.encoder.tokenizer.decode
    rows = stream.rows(0)
    for number in range(min(count, len(rows))):
        examples, first = [], 0
        for tokens, start in rows[number : number + 1].sequences():
            last = first + len(tokens) - 1
            halves = (decode(half, skip_special_tokens=False) for half in (tokens[:start], tokens[start:]))
            examples.append(PackedExample(first, first + start, last, *halves))
            first = last + 1
        yield examples
