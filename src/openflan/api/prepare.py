"""Before a training run: rows packed to disk or to look at, and whether the run fits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.data import load_mixture
from openflan.api.progress import bar, fetch_model
from openflan.api.training import check_model
from openflan.errors import OpenflanError
from openflan.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from openflan.data.shards import Counts
    from openflan.study.executors.choose import Kind
    from openflan.training.estimate import Estimate

PARTS = "parts"
"""In a folder of prepared rows: the recipe that parts are made by, and what each of them prints."""


def prepare(
    recipe: Recipe | str | Path,
    out: str | Path | None = None,
    *,
    rows: int | None = None,
    workers: int | None = None,
    part: tuple[int, int] | None = None,
    silent: bool = False,
    say: Callable[[str], None] = print,
) -> Counts:
    """Tokenize and pack a recipe's mixture to the folder `out` (`prepared/NAME` if None); what is there is kept.

    `rows` are packed rows, those of the recipe's training run when None; `workers` are processes, one per core when
    None; `say` gets a line for each damaged file that is made again. `train(..., prepared=out)` reads them. `part` is
    `(2, 8)` for the second of eight parts, which may be made at once anywhere; preparing the whole afterwards takes
    what they made and adds what is missing. Raises `MissingRowsError`, `ModelError`, and `OpenflanError` for a folder
    that holds another mixture.

    >>> recipe = of.load_recipe("quickstart").replace(
    ...     model={"path": "tiny"}, data={"tasks": ["copa"]}, format={"join": "eos"}
    ... )
    >>> made = of.prepare(recipe, "prepared/copa", rows=2, workers=1, silent=True)
    >>> made.rows >= 2, made.fill > 0.5
    (True, True)
    """
    from openflan.data.prepared import prepare as write_rows
    from openflan.data.prepared import prepare_part
    from openflan.study.stream import MIXTURE, about_mixture, make_stream
    from openflan.sums import write_sealed

    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    folder = Path(out) if out else prepared_folder(recipe)
    model = check_model(recipe, silent=silent)
    mixture = load_mixture(recipe.data, silent=silent).mixture
    wanted = rows or recipe.train.total_steps * recipe.train.rows_per_step
    with bar("preparing rows", wanted, silent=silent) as move:
        stream = make_stream(recipe, model, mixture)

        def show(done: Counts) -> None:
            move(min(done.rows, wanted))

        if part:
            return prepare_part(stream, wanted, folder, part[0] - 1, part[1], on_progress=show, say=say)
        made = write_rows(stream, wanted, folder, workers=workers, on_progress=show, say=say)
    write_sealed(folder / MIXTURE, about_mixture(mixture))  # not before it is sure that the folder is this mixture's
    return made


def prepare_in_parts(
    recipe: Recipe,
    out: Path,
    parts: int,
    *,
    executor: Kind = "local",
    settings: Mapping[str, Any] | None = None,
    rows: int | None = None,
    silent: bool = False,
) -> None:
    """Have the parts of a preparation made by an executor, each by a command of its own; `prepare` then adds the rest.

    Every machine has to see the rows' source, the model's tokenizer and `out`. Raises `OpenflanError` for parts that
    failed, with where their messages are, and as `run_study` does for the executor's settings.
    """
    from openflan.study.executors.choose import choose
    from openflan.study.executors.jobs import Job, run_jobs

    folder = out / PARTS
    recipe.save(folder / "recipe.yaml")
    command = [sys.executable, "-m", "openflan", "prepare", str(folder / "recipe.yaml"), "--out", str(out)]
    command += ["--rows", str(rows)] if rows else []
    jobs = {
        f"part {part} of {parts}": Job([*command, "--part", f"{part}/{parts}"], folder / str(part))
        for part in range(1, parts + 1)
    }
    pool, needed = choose(
        executor, folder, slots=min(parts, os.cpu_count() or 1), gpus=0, longest=0.0, settings=settings or {}
    )
    with pool, bar(f"preparing {parts} parts", None, silent=silent):
        ended = run_jobs(pool, jobs, needed, lambda: None)
    if failed := [name for name, status in ended.items() if status]:
        raise OpenflanError(f"{', '.join(failed)} failed; see {folder}/NUMBER/log.txt, and run the same again")


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
