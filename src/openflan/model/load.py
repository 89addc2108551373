"""Load models and tokenizers from Hugging Face folders.

Only folders: nothing here reaches for the network. A folder that holds a LoRA adapter is merged onto its base.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from openflan.errors import ModelError
from openflan.model.adapters import make_room
from openflan.model.encoder import encoder_for as encoder_for
from openflan.model.folder import lineage, model_folder, read_object
from openflan.model.tokenizer import tokenizer_folder
from openflan.model.weights import expect_whole_weights

Dtype = Literal["auto", "float32", "bfloat16", "fast"]


def load_config(path: str | Path) -> PreTrainedConfig:
    """The configuration of the model in a folder (of an adapter: its base's); raises `ModelError`."""
    folder = lineage(model_folder(path))[-1]
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} holds no config.json; it needs to be a Hugging Face model folder")
    read_object(folder / "config.json")
    with _told(f"{folder}/config.json cannot be read"):
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    return config


def load_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder; an adapter's own, else its base's; raises `ModelError` for none."""
    folder = tokenizer_folder(path)
    with _told(f"the tokenizer in {folder} cannot be read"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer


def load_model(path: str | Path, *, dtype: Dtype = "auto", device: str | None = None) -> PreTrainedModel:
    """A causal or encoder-decoder model in evaluation mode, any adapter merged.

    Its attention is PyTorch's fused one where the architecture has it, else its own (Gemma 2, GPT-J, BLOOM, Mamba).
    `dtype` "auto" keeps the one the weights were saved in, "fast" is `fast_dtype`; `device` defaults to the GPU where
    there is one.
    Raises `ModelError` for a folder that is missing, incomplete, damaged, or of a model that is neither kind.
    """
    *adapters, folder = lineage(model_folder(path))
    config = load_config(folder)
    loader: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    expect_whole_weights(folder)
    with _told(f"the model in {folder} cannot be loaded"):
        # from_pretrained leaves a model in evaluation mode.
        model, report = loader.from_pretrained(
            folder,
            dtype=fast_dtype(device) if dtype == "fast" else dtype,
            local_files_only=True,
            output_loading_info=True,
            **_attention(config),
        )
    if lacking := sorted(report["missing_keys"]):
        raise ModelError(
            f"the weights in {folder} are not complete: {len(lacking)} are missing that its config.json asks for, "
            f"{lacking[0]} the first; get the files again"
        )
    for adapter in reversed(adapters):
        model = _merge_adapter(model, adapter)
    model.to(device or default_device())
    merged: PreTrainedModel = model
    return merged


def _attention(config: PreTrainedConfig) -> dict[str, str]:
    """The library's choice, but for scores that are capped: its older versions leave the cap out of fused attention."""
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None)
    return {"attn_implementation": "eager"} if capped else {}


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever goes wrong while the libraries read a stranger's files, as one sentence."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # OSError to KeyError, and the tokenizers library's bare Exception
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{what}: {lines[0]}") from None


def fast_dtype(device: str | torch.device | None = None) -> torch.dtype:
    """bfloat16 where the hardware multiplies it much faster (GPUs, CPUs with AVX512-BF16 or AMX), else float32."""
    if torch.device(device or default_device()).type == "cuda":
        return torch.bfloat16
    has = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in has)
    return torch.bfloat16 if native else torch.float32


def default_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _merge_adapter(base: PreTrainedModel, folder: Path) -> PreTrainedModel:
    try:
        from peft import PeftModel
    except ImportError:
        raise ModelError(f"{folder} holds an adapter; to merge it: pip install 'openflan[lora]'") from None
    expect_whole_weights(folder)
    make_room(base, folder)
    with _told(f"the adapter in {folder} does not fit its base"), warnings.catch_warnings():
        # Weights that an adapter's file lacks are a warning to peft; they would stay at random values.
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        merged: PreTrainedModel = PeftModel.from_pretrained(base, str(folder)).merge_and_unload()
    return merged
