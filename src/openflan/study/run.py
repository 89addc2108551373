"""One run, end to end: mixture, tuning and measuring, each step leaving its results in the run folder.

| in the folder | what it is |
|---|---|
| `recipe.yaml`, `environment.json`, `mixture.json` | what was run, on what, with which data |
| `metrics.jsonl`, `checkpoints/`, `model/` | the training run and the tuned model, a plain Hugging Face folder |
| `eval/<name>/prompts.parquet` | one row per scored prompt of a measured model |
| `summary.json`, `report.html` | the numbers, and the page that shows them |

Every step reads what the steps before it left. Started again on the same folder, a run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from openflan import __version__
from openflan.data.fast import accelerate
from openflan.data.mixture import Mixture
from openflan.data.prepared import PreparedRows, reuse
from openflan.data.prompt import BASELINE as BASELINE_WRITER
from openflan.data.rows import load_rows
from openflan.data.select import Selection, select
from openflan.data.settings import PRESETS
from openflan.data.sources import parse_source
from openflan.data.stream import Rows, Stream
from openflan.errors import RecipeError
from openflan.evaluate.loop import OnProgress, evaluate
from openflan.evaluate.prompts import Load
from openflan.evaluate.results import BASELINE, LOG, TUNED, Results, read_results
from openflan.evaluate.scoring.model import ModelScorer
from openflan.evaluate.scoring.processes import SplitScorer
from openflan.files import write_json
from openflan.model.load import default_device, encoder_for, load_model, load_tokenizer
from openflan.recipe import Recipe
from openflan.tasks.registry import Task
from openflan.train.card import model_card
from openflan.train.loop import Progress, TrainResult, train
from openflan.train.parallel import World, world

MIXTURE = "mixture.json"
_PACKAGES = ("torch", "transformers", "tokenizers", "peft", "pyarrow", "numpy")


@dataclass(frozen=True)
class Run:
    """A recipe, the folder its results go to, and the model it starts from (a folder)."""

    recipe: Recipe
    folder: Path
    model: Path

    @property
    def tuned(self) -> Path:
        """Where the tuned model is saved."""
        return self.folder / "model"

    def evaluation(self, name: str) -> Path:
        """Where the scored prompts of a measured model are."""
        return self.folder / "eval" / name

    def begin(self) -> None:
        """Write down what is run, on what."""
        self.recipe.save(self.folder / "recipe.yaml")
        write_json(self.folder / "environment.json", environment())

    def stream(self, mixture: Mixture) -> Stream:
        """The packed rows of a mixture, as the recipe's format and row length make them."""
        encoder, _ = accelerate(encoder_for(self.model, self.recipe.format), [])
        return Stream(
            mixture,
            encoder,
            self.recipe.train.row_length,
            seed=self.recipe.data.seed,
            long_targets=self.recipe.data.long_targets,
        )

    def tune(
        self,
        mixture: Mixture | None,
        on_progress: Callable[[Progress], None],
        say: Callable[[str], None],
        *,
        resume: bool = True,
        prepared: Path | None = None,
    ) -> TrainResult:
        """Finetune on the mixture, going on from the last checkpoint; the tuned model is saved to `tuned`.

        Rows `prepared` for this very mixture are read; else they are made on the fly. Without a mixture, prepared rows
        are all there is: on a machine that has no datasets.
        """
        recipe = self.recipe
        rows, about, dropped = self._rows(mixture, prepared, say)
        write_json(self.folder / MIXTURE, about)
        result = train(
            load_model(self.model),
            rows,
            recipe.train,
            self.folder,
            resume=resume,
            on_progress=on_progress,
            tokenizer=load_tokenizer(self.model),
            card=partial(
                model_card,
                recipe.train,
                base=recipe.model.path,
                datasets={share["name"]: share["licence"] for share in about["datasets"]},
                held_out=recipe.data.hold_out,
                fingerprint=about["fingerprint"],
            ),
            say=say,
        )
        if dropped:  # A run that was finished before has made no rows now.
            write_json(self.folder / "dropped.json", dict(dropped))
        return result

    def _rows(
        self, mixture: Mixture | None, prepared: Path | None, say: Callable[[str], None]
    ) -> tuple[Rows, dict[str, Any], Counter[str]]:
        """What to train on, what it is made of, and the count of what is dropped on the way."""
        if mixture is not None:
            stream = self.stream(mixture)
            return reuse(stream, prepared, say) if prepared else stream, about_mixture(mixture), stream.dropped
        if prepared is None:
            raise RecipeError("without a mixture there must be prepared rows")
        rows = PreparedRows(prepared, encoder_for(self.model, self.recipe.format))
        return rows, json.loads((prepared / MIXTURE).read_text(encoding="utf-8")), Counter()

    def subject(self, name: str) -> tuple[Recipe, Path]:
        """One of the run's models to measure: the recipe to measure it by, and its folder."""
        if name != BASELINE:
            return self.recipe, self.tuned if name == TUNED else self.model
        own = {BASELINE_WRITER: PRESETS[BASELINE_WRITER]}
        changed = {
            "format": replace(self.recipe.format, join="space"),
            "evaluate": replace(self.recipe.evaluate, settings=own, generate="free"),
        }
        return self.recipe.model_copy(update=changed), self.model


def measure(
    recipe: Recipe, model: Path, name: str, out: Path, tasks: Sequence[Task], on_progress: OnProgress
) -> Results:
    """Evaluate the model in a folder as a recipe's `evaluate` section says, on the rows of its `data` section.

    Under torchrun the processes split the prompts; the first one writes, and all read what it wrote.
    """
    identity = {
        "name": name,
        "model": model_fingerprint(model),
        "format": asdict(recipe.format),
        "source": recipe.data.source,
        "dtype": recipe.model.dtype,
    }
    with world(default_device()) as here:
        alone = ModelScorer(
            load_model(model, dtype=recipe.model.dtype, device=str(here.device)), encoder_for(model, recipe.format)
        )
        scorer = alone if here.size == 1 else SplitScorer(alone)
        with _written_once(out, here) as folder:
            evaluate(
                recipe.evaluate, tasks, rows_of(recipe), scorer, folder, identity=identity, on_progress=on_progress
            )
        here.barrier()
    return read_results(out)


def rows_of(recipe: Recipe) -> Load:
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


def about_mixture(mixture: Mixture) -> dict[str, Any]:
    """What a mixture is made of, for the run folder: fingerprint, and each dataset's share and licence."""
    licences = {part.rows.task.name: part.rows.task.card.licence for part in mixture.parts}
    shares = [{**asdict(share), "licence": licences[share.name]} for share in mixture.shares()]
    return {"fingerprint": mixture.fingerprint, "datasets": shares}


def measured_tasks(recipe: Recipe) -> tuple[list[Task], list[Task]]:
    """The unseen tasks a recipe measures (what it holds out, when it names none) and the seen ones.

    Raises `RecipeError` for a seen task that is not in the training mixture.
    """
    selection: Selection = select(recipe.data)
    catalog = recipe.data.catalog()
    unseen = [task for name in recipe.evaluate.tasks for task in catalog.tasks(name)] or selection.held_out
    seen = [task for name in recipe.evaluate.seen for task in catalog.tasks(name)]
    trained = {task.name for task in selection.train}
    if strange := [task.name for task in seen if task.name not in trained]:
        raise RecipeError(f"evaluate.seen names {', '.join(strange)}, which the mixture does not train on")
    return _with_test_rows(unseen), _with_test_rows(seen)


def model_fingerprint(folder: Path) -> str:
    """A hash of a model's weights: of every safetensors file its size, header and 64 spread-out pieces."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for piece in range(65):
                file.seek(size * piece // 65)
                digest.update(file.read(1 << 14))
    return digest.hexdigest()[:16]


def environment() -> dict[str, Any]:
    """What a run ran on, for those who want to run it again."""
    return {
        "openflan": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _with_test_rows(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if any("test" in layout.splits for layout in task.layouts)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
