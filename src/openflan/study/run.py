"""One run, end to end: mixture, tuning and measuring, each step leaving its results in the run folder.

| in the folder | what it is |
|---|---|
| `recipe.yaml`, `environment.json`, `mixture.json` | what was run, on what, with which data |
| `metrics.jsonl`, `checkpoints/`, `model/` | the training run and the tuned model, a plain Hugging Face folder |
| `eval/<name>/prompts.parquet` | one row per scored prompt of a measured model |
| `summary.json`, `report.html` | the numbers, and the page that shows them |

Every step reads what the steps before it left. Started again on the same folder, a run goes on where it was; the
folder of another run is refused before anything in it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from openflan.data.mixture import Mixture
from openflan.data.prepared import PreparedRows, reuse
from openflan.data.prompt import BASELINE as BASELINE_WRITER
from openflan.data.settings import PRESETS
from openflan.data.stream import Stream, TrainingRows
from openflan.errors import RecipeError
from openflan.evaluation.results import BASELINE, TUNED
from openflan.files import write_json
from openflan.model.encoder import encoder_for
from openflan.model.format_file import write_format
from openflan.model.identity import model_identity
from openflan.model.load import load_tokenizer
from openflan.model.precision import default_device
from openflan.recipe import Recipe
from openflan.study.environment import environment
from openflan.study.labels import with_labels
from openflan.study.stream import MIXTURE as MIXTURE
from openflan.study.stream import about_mixture as about_mixture
from openflan.study.stream import make_stream, mixture_of
from openflan.training.card import model_card
from openflan.training.config import TrainConfig
from openflan.training.loop import TrainProgress, TrainResult, train
from openflan.training.parallel import world
from openflan.training.place import load_to_train
from openflan.training.result import check_folder, identity


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

    def check(self, mixture: Mixture) -> None:
        """Raise `TrainError` when the folder belongs to another run than this one; changes nothing."""
        check_folder(self.folder, identity(self.stream(mixture), self.settings, self.base, default_device()))

    @cached_property
    def settings(self) -> TrainConfig:
        """How to train."""
        return with_labels(self.recipe)

    @cached_property
    def base(self) -> dict[str, str]:
        """Which model the run starts from: its name, and a hash of all that its answers depend on."""
        found = model_identity(self.model, self.recipe.model.dtype)
        return {"base model": f"{self.recipe.model.path} ({found['fingerprint']})"}

    def stream(self, mixture: Mixture) -> Stream:
        """The packed rows of a mixture, as the recipe's format and row length make them."""
        return make_stream(self.recipe, self.model, mixture)

    def tune(
        self,
        mixture: Mixture | None,
        on_progress: Callable[[TrainProgress], None],
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
        rows, about, stream = self._rows(mixture, prepared, say)
        with world() as here:
            result = train(
                load_to_train(self.model, recipe.train, here),
                rows,
                self.settings,
                self.folder,
                base=here.on_main(lambda: self.base),
                here=here,
                resume=resume,
                begin=partial(self._begin, about),
                on_progress=on_progress,
                tokenizer=load_tokenizer(self.model),
                card=partial(
                    model_card,
                    self.settings,
                    base=recipe.model.path,
                    datasets={share["name"]: share["licence"] for share in about["datasets"]},
                    held_out=recipe.data.hold_out,
                    fingerprint=about["fingerprint"],
                ),
                say=say,
            )
            if here.is_main:
                write_format(self.tuned, recipe.format)
                if stream is not None and stream.dropped:  # A run that was finished before has made no rows now.
                    left_out = dict(stream.dropped.most_common())
                    write_json(self.folder / "dropped.json", {"drawn": stream.drawn, "left_out": left_out})
        return result

    def _begin(self, about: Mapping[str, Any]) -> None:
        """Write down what is run, on what, with which data."""
        self.recipe.save(self.folder / "recipe.yaml")
        write_json(self.folder / "environment.json", environment())
        write_json(self.folder / MIXTURE, about)

    def _rows(
        self, mixture: Mixture | None, prepared: Path | None, say: Callable[[str], None]
    ) -> tuple[TrainingRows, Mapping[str, Any], Stream | None]:
        """What to train on, what it is made of, and the stream that makes rows on the way."""
        if mixture is not None:
            stream = self.stream(mixture)
            return reuse(stream, prepared, say) if prepared else stream, about_mixture(mixture), stream
        if prepared is None:
            raise RecipeError("without a mixture there must be prepared rows")
        rows = PreparedRows(prepared, encoder_for(self.model, self.recipe.format, self.recipe.train.adapter))
        return rows, mixture_of(prepared), None

    def how_to_measure(self, name: str) -> tuple[Recipe, Path]:
        """One of the run's models: the recipe to measure it by, and its folder."""
        if name != BASELINE:
            return self.recipe, self.tuned if name == TUNED else self.model
        own = {BASELINE_WRITER: PRESETS[BASELINE_WRITER]}
        changed = {
            "format": replace(self.recipe.format, join="space"),
            "evaluate": replace(self.recipe.evaluate, settings=own, generate="free"),
        }
        return self.recipe.model_copy(update=changed), self.model
