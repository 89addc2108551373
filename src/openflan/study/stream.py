"""The training rows of a recipe, made or read back; no torch, so that they can be prepared on any machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from openflan.data.fast import accelerate
from openflan.data.mixture import Mixture
from openflan.data.stream import Stream
from openflan.errors import OpenflanError
from openflan.model.encoder import encoder_for
from openflan.recipe import Recipe
from openflan.sums import DamageError, read_sealed

MIXTURE = "mixture.json"


def make_stream(recipe: Recipe, model: Path, mixture: Mixture) -> Stream:
    """The packed rows of a mixture, as the recipe's format and row length make them, for the model in a folder."""
    encoder, _ = accelerate(encoder_for(model, recipe.format, recipe.train.adapter), [])
    return Stream(
        mixture,
        encoder,
        recipe.train.row_length,
        seed=recipe.data.seed,
        long_targets=recipe.data.long_targets,
    )


def about_mixture(mixture: Mixture) -> dict[str, Any]:
    """What a mixture is made of, for the run folder: fingerprint, and each dataset's share and licence."""
    licences = {part.rows.task.name: part.rows.task.card.licence for part in mixture.parts}
    shares = [{**asdict(share), "licence": licences[share.name]} for share in mixture.shares()]
    return {"fingerprint": mixture.fingerprint, "datasets": shares}


def mixture_of(prepared: Path) -> Mapping[str, Any]:
    """What the rows in a folder were prepared of; raises `OpenflanError` when the note is not what was written."""
    try:
        return read_sealed(prepared / MIXTURE)
    except DamageError as error:
        raise OpenflanError(f"{prepared} is damaged: {error}; run the same openflan prepare again") from None
