"""Load models and tokenizers from Hugging Face folders.

Only folders: nothing here reaches for the network. A folder that holds an adapter is joined with its base.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from openflan.model.folder import lineage, model_folder, tokenizer_folder
from openflan.model.precision import default_device, fast_dtype
from openflan.model.soft_embedding import load_prompt
from openflan.model.soft_prompt import is_soft_prompt
from openflan.model.weights import expect_fitting, expect_possible, expect_whole_weights
from openflan.ranges import Dtype

_LOCAL: Mapping[str, bool] = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is fetched, and no code that comes with a model is run (the library would ask whether to)."""


def load_config(path: str | Path) -> PreTrainedConfig:
    """The configuration of the model in a folder (of an adapter: its base's); raises `ModelError`."""
    folder = lineage(model_folder(path))[-1]
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} holds no config.json; it needs to be a Hugging Face model folder")
    expect_possible(folder / "config.json")
    with _told(f"{folder}/config.json cannot be read"):
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, **_LOCAL)
    return config


def load_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder; an adapter's own, else its base's; raises `ModelError` for none."""
    folder = tokenizer_folder(path)
    with _told(f"the tokenizer in {folder} cannot be read"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, **_LOCAL)
    return tokenizer


def load_model(path: str | Path, *, dtype: Dtype = "auto", device: str | None = None) -> PreTrainedModel:
    """A causal or encoder-decoder model in evaluation mode; of adapters, LoRA is merged, and a soft prompt attached.

    Its attention is PyTorch's fused one where the architecture has it, else its own (Gemma 2, GPT-J, BLOOM, Mamba).
    `dtype` "auto" keeps the one the weights were saved in, "fast" is `fast_dtype`; `device` defaults to the GPU where
    there is one.
    Raises `ModelError` for a folder that is missing, incomplete, damaged, or of a model that is neither kind.
    """
    *adapters, folder = lineage(model_folder(path))
    config = load_config(folder)
    loader = _loader(config)
    expect_whole_weights(folder)
    with _told(f"the model in {folder} cannot be loaded"):
        expect_fitting(skeleton(config), folder)
        # from_pretrained leaves a model in evaluation mode.
        model, report = loader.from_pretrained(
            folder,
            dtype=fast_dtype(device) if dtype == "fast" else dtype,
            **_LOCAL,
            output_loading_info=True,
            **_attention(config),
        )
    if lacking := sorted(report["missing_keys"]):
        raise ModelError(
            f"the weights in {folder} are not complete: {len(lacking)} are missing that its config.json asks for, "
            f"{lacking[0]} the first; get the files again"
        )
    for adapter in reversed(adapters):
        if is_soft_prompt(adapter):
            load_prompt(model, adapter)
        else:
            model = _merge_adapter(model, adapter)
    model.to(device or default_device())
    merged: PreTrainedModel = model
    return merged


def skeleton(shape: PreTrainedConfig) -> PreTrainedModel:
    """A model without memory for its weights."""
    with torch.device("meta"):
        model: PreTrainedModel = _loader(shape).from_config(shape, trust_remote_code=False)
    return model


def _loader(config: PreTrainedConfig) -> Any:
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def _attention(config: PreTrainedConfig) -> dict[str, str]:
    """The library's choice, but for scores that are capped: its older versions leave the cap out of fused attention."""
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None)
    return {"attn_implementation": "eager"} if capped else {}


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn anything that the libraries raise while they read a model's files into one sentence."""
    try:
        yield
    except ModelError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # OSError to KeyError, and libraries in Rust have some that are no `Exception`
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{what}: {lines[0]}") from None


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
