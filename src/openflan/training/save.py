"""Save what was trained as a plain Hugging Face folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import PreTrainedTokenizerBase

from openflan.model.adapters import Attached
from openflan.model.folder import ADAPTER
from openflan.model.load import load_tokenizer
from openflan.training.config import TrainError
from openflan.training.parallel import World


def save_model(
    model: Any,
    module: torch.nn.Module,
    adapted: Attached | None,
    folder: Path,
    dtype: torch.dtype,
    here: World,
    tokenizer: PreTrainedTokenizerBase | None,
    attention: str,
) -> None:
    """Write a trained model in `dtype` with its tokenizer, or what its adapter saves of it; whole, then renamed.

    `module` is the loss around the model, with the weights perhaps shared among the processes; `attention` is what the
    model is given back, for any program can use it.
    """
    weights = _gathered(module) if _is_sharded(model) else None
    if not here.is_main:
        return
    partial = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        as_loaded(model, attention)
        if adapted is not None:
            adapted.save(partial, dtype)
        elif weights is None:
            model.to(dtype)
            model.save_pretrained(partial)
        else:
            model.save_pretrained(partial, state_dict={name: tensor.to(dtype) for name, tensor in weights.items()})
            # Which has written the precision that the weights are trained in.
            model.config.dtype = dtype
            model.config.save_pretrained(partial)
        if (partial / ADAPTER).is_file():
            tokenizer = None  # It is the base's.
        elif tokenizer is None and model.name_or_path and Path(model.name_or_path).is_dir():
            tokenizer = load_tokenizer(model.name_or_path)
        if tokenizer is not None:
            tokenizer.save_pretrained(partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except Exception as error:
        if not _from_the_disk(error):
            raise
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainError(f"the model could not be saved to {folder}: {error}; make room and run again") from None


def _from_the_disk(error: Exception) -> bool:
    """Whether a file could not be written: Rust libraries raise errors of their own for it."""
    return isinstance(error, OSError | SafetensorError) or "os error" in str(error)


def as_loaded(model: Any, attention: str) -> None:
    """Give a model back the attention that it was loaded with, and no dropout."""
    model.set_attn_implementation(attention)
    checkpoint_activations(model, False)
    model.eval()


def checkpoint_activations(model: Any, wanted: bool) -> None:
    """Keep or recompute activations; the methods had another name before transformers 5.23."""
    verb = "enable" if wanted else "disable"
    method = getattr(model, f"activation_checkpointing_{verb}", None) or getattr(
        model, f"gradient_checkpointing_{verb}"
    )
    method({"use_reentrant": False}) if wanted else method()


def _is_sharded(model: torch.nn.Module) -> bool:
    return any(hasattr(weight, "full_tensor") for weight in model.parameters())


def _gathered(module: torch.nn.Module) -> dict[str, Tensor]:
    """All weights, whole, on the first process; the others take part and get none."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    gathered = get_model_state_dict(module, options=options)
    # A weight that is tied to another has two names here, and one in a model folder.
    own = {*dict(module.named_parameters()), *dict(module.named_buffers())}
    return {
        name.removeprefix("model."): weight
        for name, weight in gathered.items()
        if isinstance(weight, Tensor) and name in own
    }
