"""Where a model's weights are: loaded once in host memory, then moved, copied or sharded onto the devices.

Nothing is on a device before it is known which device is this process's, and a sharded model is never whole
on any of them: the first process holds it in host memory and sends every other its part.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from openflan.errors import ModelError
from openflan.model.adapters import Attached
from openflan.model.folder import model_folder
from openflan.model.load import load_config, load_model, skeleton
from openflan.model.precision import fast_dtype
from openflan.model.soft_prompt import is_soft_prompt
from openflan.training.config import TrainConfig, TrainError
from openflan.training.parallel import World, apply_ddp, apply_fsdp
from openflan.training.save import checkpoint_activations


def load_to_train(folder: str | Path, config: TrainConfig, here: World) -> PreTrainedModel:
    """The model in a folder, in host memory; of one that will be sharded, only its shape on all processes but one.

    Raises `ModelError` as `load_model` does, and for a soft prompt, which cannot be trained on.
    """
    if is_soft_prompt(model_folder(folder)):
        raise ModelError(f"{folder} holds a soft prompt, which cannot be trained further; train from its base model")
    if is_sharded(config, here) and not here.is_main:
        return skeleton(load_config(folder))
    return load_model(folder, device="cpu")


def is_sharded(config: TrainConfig, here: World) -> bool:
    """Whether every process holds a part of the weights only."""
    return config.shard and here.size > 1


def make_trainable(
    model: Any, config: TrainConfig, compute: torch.dtype, tokenizer: PreTrainedTokenizerBase | None = None
) -> Attached | None:
    """Make the weights that are trained float32, or add an adapter; returns the adapter.

    An adapter's base stays in its own precision, unless it is to be computed in float32.
    """
    if config.adapter is None:
        model.float()
        return None
    if config.shard:
        raise TrainError("an adapter is trained on copies of the model; leave `shard` off")
    if compute is torch.float32:
        model.float()
    return config.adapter.attach(model, seed=config.seed, tokenizer=tokenizer)


def place(loss: torch.nn.Module, model: PreTrainedModel, config: TrainConfig, here: World) -> Any:
    """The loss around a model in host memory, moved to this process's device, copied or sharded as the settings say."""
    if config.activation_checkpointing:
        checkpoint_activations(model, True)
    if not is_sharded(config, here):
        loss.to(here.device)
    if config.compile:
        for layer in _layers(model):
            layer.compile()
    if is_sharded(config, here):
        return shard_model(loss, model, here, compute_dtype(config, here.device))
    return apply_ddp(loss, here) if here.size > 1 else loss


def shard_model(loss: torch.nn.Module, model: Any, here: World, dtype: torch.dtype) -> Any:
    """The loss around a model, sharded: each process gets its part of the main one's weights; computes in `dtype`."""
    whole = loss.state_dict() if here.is_main else {}
    # Not all buffers are in a state dict: the frequencies of rotary positions are made with the model.
    buffers = dict(loss.named_buffers()) if here.is_main else {}
    loss.to("meta")
    model.tie_weights()
    module = apply_fsdp(loss, _layers(model), here, dtype)
    module.to_empty(device=here.device)
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(module, whole, options=options)
    for name, buffer in module.named_buffers():
        here.send(buffer, buffers.get(name))
    return module


def compute_dtype(config: TrainConfig, device: torch.device) -> torch.dtype:
    """The precision of the forward and backward pass on a device."""
    if config.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if config.dtype == "fast":
        return fast_dtype(device)
    return torch.bfloat16 if config.dtype == "bfloat16" else torch.float32


def precision(config: TrainConfig, here: World) -> AbstractContextManager[Any]:
    """What a forward pass runs inside of; sharded weights are cast when they are gathered."""
    dtype = compute_dtype(config, here.device)
    if dtype is torch.float32 or is_sharded(config, here):
        return nullcontext()
    return torch.autocast(here.device.type, dtype)


def exchange(module: Any, config: TrainConfig, here: World, last: bool) -> AbstractContextManager[Any]:
    """Exchange gradients among processes after a step's last part only."""
    if is_sharded(config, here):
        module.set_requires_gradient_sync(last)
    elif here.size > 1 and not last:
        quiet: AbstractContextManager[Any] = module.no_sync()
        return quiet
    return nullcontext()


def whole(value: Tensor) -> Tensor:
    """The full tensor of one that may be sharded over the processes."""
    found: Tensor = value.full_tensor() if hasattr(value, "full_tensor") else value
    return found


def _layers(model: PreTrainedModel) -> list[torch.nn.Module]:
    """The blocks that a model is made of, as its own class names them."""
    names = set(model._no_split_modules or ())
    return [module for module in model.modules() if type(module).__name__ in names]
