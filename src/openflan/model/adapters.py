"""What can be trained in the place of a model's weights: LoRA adapters, through peft, and soft prompts.

Recipes hold a `Lora`, and verbs that only look at data read recipes: so torch is imported when a model is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Discriminator, Field, Tag

from openflan.errors import ModelError
from openflan.lists import Listed
from openflan.model.folder import ADAPTER, read_object
from openflan.model.soft_prompt import SoftPrompt
from openflan.model.weights import read_header
from openflan.ranges import Count, check_ranges

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Attached(Protocol):
    """An adapter on a model: the weights of the model that ask for a gradient are its own."""

    def save(self, folder: Path, dtype: torch.dtype) -> None:
        """Write what was trained to a folder that `load_model` reads: the whole model in `dtype`, or the adapter."""


@dataclass(frozen=True)
class Lora:
    """A low-rank adapter: the trained change of each target matrix is (alpha / rank) * B @ A."""

    library: ClassVar[str] = "transformers"
    soft_tokens: ClassVar[int] = 0

    kind: Literal["lora"] = "lora"
    """`lora`; may be left out."""
    rank: Count = 16
    """Rows of A and columns of B."""
    alpha: Count = 32
    """Strength of the change, divided by the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout on an adapter's input."""
    targets: Annotated[tuple[str, ...], Listed] = ()
    """Names of the linear layers to adapt, such as q_proj; all but the output head when empty."""

    def __post_init__(self) -> None:
        check_ranges(self, ModelError)

    @property
    def about(self) -> str:
        """What is trained, in words."""
        return f"LoRA of rank {self.rank}, merged"

    def size(self, model: Any) -> int:
        """How many weights are trained on a model, which may have no memory for its own; raises `ModelError`."""
        head = model.get_output_embeddings()
        layers = dict(model.named_modules())
        if self.targets:
            found = [part for name, part in layers.items() if {name, name.split(".")[-1]} & {*self.targets}]
            if not found:
                raise ModelError(f"{type(model).__name__} has no layer called {' or '.join(self.targets)} to adapt")
        else:
            found = [part for part in layers.values() if _is_linear(part) and part is not head]
        return sum(self.rank * sum(part.weight.shape) for part in found)

    def attach(
        self, model: PreTrainedModel, *, seed: int, tokenizer: PreTrainedTokenizerBase | None = None
    ) -> AttachedLora:
        """Freeze a model and add the adapter's layers to it, in place. Raises as `add_lora` does."""
        return AttachedLora(add_lora(model, self, seed=seed))


def _kind(value: Any) -> str:
    """Which adapter is meant; LoRA where nothing says so."""
    return str(value.get("kind", "lora") if isinstance(value, Mapping) else getattr(value, "kind", ""))


Adapter = Annotated[
    Annotated[Lora, Tag("union-lora")] | Annotated[SoftPrompt, Tag("union-prompt")],
    Discriminator(lambda value: f"union-{_kind(value)}"),
]


class AttachedLora:
    """A LoRA adapter on a frozen model, in peft's wrapper."""

    def __init__(self, adapted: Any) -> None:
        self.adapted = adapted

    def save(self, folder: Path, dtype: torch.dtype) -> None:
        """Write the model with the adapter's changes added to its weights."""
        merged: Any = merge_lora(self.adapted)
        merged.to(dtype).save_pretrained(folder)


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
    untie(model, lora.targets)
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


def untie(model: Any, adapted: Iterable[str]) -> None:
    """Give the output head weights of its own where it shares the embeddings' and one of the two is `adapted`.

    An adapter changes one matrix: merged into shared weights, it would change both.
    """
    import torch

    embeddings, head = _vocabulary_layers(model)
    if head is None or head.weight is not embeddings.weight:
        return
    names = {name.rpartition(".")[2] for name, module in model.named_modules() if module in (head, embeddings)}
    if names.isdisjoint(name.rpartition(".")[2] for name in adapted):
        return
    if model.config.is_encoder_decoder:
        raise ModelError(f"{type(model).__name__} shares its embeddings among its parts; no adapter can go on them")
    head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=head.weight.requires_grad)
    model.config.tie_word_embeddings = False
    model.all_tied_weights_keys = {}


def make_room(base: Any, folder: Path) -> None:
    """Prepare a base model for the adapter in a folder: untied, and with as many tokens as the adapter was saved with.

    Raises `ModelError` for an adapter that ties what it trains, which cannot be merged.
    """
    settings = read_object(folder / ADAPTER)
    if settings.get("ensure_weight_tying"):
        raise ModelError(f"the adapter in {folder} ties what it trains (ensure_weight_tying); that is not supported")
    targets = settings.get("target_modules") or ()
    adapted = [*([] if isinstance(targets, str) else targets), *(settings.get("modules_to_save") or ())]
    untie(base, adapted)
    weights = folder / "adapter_model.safetensors"
    places = {name for name, module in base.named_modules() if module in _vocabulary_layers(base)}
    for name, weight in read_header(weights).items() if weights.is_file() else ():
        place = name.removeprefix("base_model.model.").removesuffix(".weight").removesuffix(".base_layer")
        if place in places and weight["shape"][0] != base.get_input_embeddings().weight.shape[0]:
            base.resize_token_embeddings(weight["shape"][0], mean_resizing=False)


def _is_linear(part: Any) -> bool:
    import torch
    from transformers.pytorch_utils import Conv1D

    return isinstance(part, torch.nn.Linear | Conv1D)


def _vocabulary_layers(model: Any) -> tuple[Any, Any]:
    return model.get_input_embeddings(), model.get_output_embeddings()
