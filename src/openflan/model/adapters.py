"""LoRA adapters, through peft.

Recipes hold a `Lora`, and verbs that only look at data read recipes: so torch is imported when a model is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from openflan.errors import ModelError
from openflan.ranges import Count, check_ranges

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Lora:
    """A low-rank adapter: the trained change of each target matrix is (alpha / rank) * B @ A."""

    rank: Count = 16
    """Rows of A and columns of B."""
    alpha: Count = 32
    """Strength of the change, divided by the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout on an adapter's input."""
    targets: tuple[str, ...] = ()
    """Names of the linear layers to adapt, such as q_proj; all but the output head when empty."""

    def __post_init__(self) -> None:
        check_ranges(self, ModelError)


def add_lora(model: PreTrainedModel, lora: Lora, *, seed: int) -> Any:
    """Freeze a model and add trainable adapters in place; returns peft's wrapper, for `merge_lora`.

    The new weights are float32 and follow from `seed`. Raises `ModelError` without peft, or for layers that are
    not there.
    """
    import torch

    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise ModelError("LoRA needs peft: pip install 'openflan[lora]'") from None
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) or "all-linear",
        task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            return get_peft_model(model, config)
        except ValueError as error:
            raise ModelError(f"no adapter can be added to {type(model).__name__}: {error}") from None


def merge_lora(adapted: Any) -> PreTrainedModel:
    """The plain model again, with the adapters' changes added to its weights."""
    merged: PreTrainedModel = adapted.merge_and_unload()
    return merged
