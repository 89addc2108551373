"""The embeddings of a model with a soft prompt: attached, saved and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from openflan.errors import ModelError
from openflan.files import write_json
from openflan.model.folder import ADAPTER, PROMPT_TUNING, base_of, read_object
from openflan.model.identity import folder_fingerprint
from openflan.model.weights import expect_whole_weights

WEIGHTS, BASE = "adapter_model.safetensors", "base.json"
_KEY = "prompt_embeddings"

_COMMON = 5000
"""So many of the first tokens of a vocabulary are taken for its common ones: both BPE and SentencePiece put those first
that they found to be frequent."""


class SoftEmbedding(torch.nn.Module):
    """Input embeddings whose tokens from the end of the vocabulary on are the vectors of a soft prompt.

    The vectors take the place of what the model's own embedding layer gives, so they equal embeddings that are
    prepended by hand whatever that layer does besides looking up.
    """

    def __init__(self, words: torch.nn.Module, prompt: Tensor) -> None:
        super().__init__()
        self.words: Any = words
        self.prompt = torch.nn.Parameter(prompt)

    @property
    def weight(self) -> Tensor:
        """The model's own embeddings [vocabulary, width]."""
        found: Tensor = self.words.weight
        return found

    @property
    def num_embeddings(self) -> int:
        """Tokens known, those of the prompt among them."""
        return len(self.weight) + len(self.prompt)

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings [..., width] of token ids [...]."""
        first = len(self.weight)
        soft = ids >= first
        rows: Tensor = self.words(ids.masked_fill(soft, 0))
        vectors = F.embedding((ids - first).clamp(min=0), self.prompt)
        return torch.where(soft.unsqueeze(-1), vectors.to(rows.dtype), rows)


class AttachedPrompt:
    """A soft prompt on a frozen model."""

    def __init__(self, model: Any, embedding: SoftEmbedding) -> None:
        self.model, self.embedding = model, embedding

    def save(self, folder: Path, dtype: torch.dtype) -> None:
        """Write the prompt alone, in float32 whatever `dtype` is, in the form that `peft` reads.

        Its base is named by its folder and, besides, by what is in it.
        """
        base = Path(self.model.name_or_path) if self.model.name_or_path else None
        folder.mkdir(parents=True, exist_ok=True)
        vectors = self.embedding.prompt.detach().float().cpu().contiguous()
        save_file({_KEY: vectors}, folder / WEIGHTS, metadata={"format": "pt"})
        settings = {
            "peft_type": PROMPT_TUNING,
            "task_type": "SEQ_2_SEQ_LM" if self.model.config.is_encoder_decoder else "CAUSAL_LM",
            "base_model_name_or_path": str(base.resolve() if base and base.is_dir() else base or ""),
            "num_virtual_tokens": len(vectors),
            "token_dim": vectors.shape[1],
            "num_transformer_submodules": 1,  # The encoder of two parts, and not the decoder.
            "prompt_tuning_init": "RANDOM",
            "inference_mode": True,
        }
        write_json(folder / ADAPTER, settings)
        if base and base.is_dir():
            write_json(folder / BASE, {"fingerprint": folder_fingerprint(base)})


class Beginning(NamedTuple):
    """What the vectors of a soft prompt begin as (see `openflan.model.soft_prompt.SoftPrompt`)."""

    length: int
    init: str
    words: Sequence[str]
    seed: int


def attach(model: Any, begin: Beginning, tokenizer: Any) -> AttachedPrompt:
    """See `SoftPrompt.attach`."""
    if isinstance(model.get_input_embeddings(), SoftEmbedding):
        raise ModelError("the model has a soft prompt; train another one on its base")
    model.requires_grad_(False)
    _turn_dropout_off(model)
    vectors = _first_vectors(model.get_input_embeddings().weight, begin, tokenizer)
    return AttachedPrompt(model, _put(model, vectors))


def load_prompt(model: Any, folder: Path) -> None:
    """Put the soft prompt in a folder into the model that it was trained on; raises `ModelError` for another one."""
    _expect_base(folder)
    expect_whole_weights(folder)
    weights = load_file(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else {}
    length = read_object(folder / ADAPTER)["num_virtual_tokens"]
    width = model.get_input_embeddings().weight.shape[1]
    vectors = weights.get(_KEY)
    if vectors is None or vectors.ndim != 2 or len(vectors) < length or vectors.shape[1] != width:
        shape = "nothing" if vectors is None else list(vectors.shape)
        raise ModelError(
            f"the soft prompt in {folder} does not fit its base: {WEIGHTS} holds {shape} under {_KEY}, "
            f"where [{length}, {width}] is expected"
        )
    if model.config.get_text_config().vocab_size != len(model.get_input_embeddings().weight):
        raise ModelError(f"the base of the soft prompt in {folder} has more embeddings than its config.json says")
    # Of an encoder-decoder, peft keeps vectors for the decoder too, and uses the encoder's only.
    _put(model, vectors[:length].float())


def known_tokens(model: Any) -> int:
    """How many tokens a model has embeddings of, those of a soft prompt among them."""
    embeddings = model.get_input_embeddings()
    return int(embeddings.num_embeddings if isinstance(embeddings, SoftEmbedding) else embeddings.weight.shape[0])


def _put(model: Any, vectors: Tensor) -> SoftEmbedding:
    words = model.get_input_embeddings()
    embedding = SoftEmbedding(words, vectors.to(words.weight.device))
    model.set_input_embeddings(embedding)
    return embedding


def _expect_base(folder: Path) -> None:
    """Raise `ModelError` where the base that a prompt names is not the model that it was trained on."""
    base = base_of(folder)
    if base is None or not (folder / BASE).is_file():
        return
    if read_object(folder / BASE).get("fingerprint") != folder_fingerprint(base):
        raise ModelError(
            f"the soft prompt in {folder} was trained on another model than the one that is now in {base}; write the "
            f"path of that model's folder into {folder / ADAPTER} as base_model_name_or_path"
        )


def _first_vectors(table: Tensor, begin: Beginning, tokenizer: Any) -> Tensor:
    """The vectors [length, width] that a prompt begins as, float32."""
    chance = torch.Generator().manual_seed(begin.seed)
    if begin.init == "uniform":
        return torch.rand(begin.length, table.shape[1], generator=chance) - 0.5
    if tokenizer is None:
        raise ModelError(f"a soft prompt with init: {begin.init} needs the model's tokenizer")
    labels = _label_vectors(table, begin, tokenizer) if begin.init == "class_labels" else []
    missing = begin.length - len(labels)
    special = set(tokenizer.all_special_ids)
    common = torch.tensor([token for token in range(min(_COMMON, len(table))) if token not in special])
    drawn = common[torch.randperm(len(common), generator=chance)[:missing]] if missing <= len(common) else None
    if drawn is None:
        drawn = common[torch.randint(len(common), (missing,), generator=chance)]
    return torch.cat([*labels, table[drawn.to(table.device)].float().cpu()]).clone()


def _label_vectors(table: Tensor, begin: Beginning, tokenizer: Any) -> list[Tensor]:
    """For each label, as far as there is room, the mean [1, width] of the embeddings of its tokens."""
    if not begin.words:
        raise ModelError("a soft prompt with init: class_labels needs words, the labels to begin as")
    ids = [tokenizer(word, add_special_tokens=False).input_ids for word in begin.words[: begin.length]]
    return [table[torch.tensor(some, device=table.device)].float().mean(0, keepdim=True).cpu() for some in ids if some]


def _turn_dropout_off(model: Any) -> None:
    """No dropout in any layer: attention keeps its share as a number, other layers as modules."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("dropout", "attention_dropout", "dropout_rate"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
