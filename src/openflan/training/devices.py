"""Kinds of accelerator, and how fast this machine's CPU trains."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, PreTrainedConfig

from openflan.data.encode import Encoded
from openflan.data.pack import pack
from openflan.model.load import skeleton
from openflan.training.config import TrainConfig
from openflan.training.limits import context_of
from openflan.training.loss import loss_for
from openflan.training.parallel import World
from openflan.training.place import place, precision

GB = 1e9


@dataclass(frozen=True)
class Device:
    """A kind of accelerator: bfloat16 matrix throughput in FLOP/s by its data sheet, and memory in bytes."""

    flops: float
    memory: float


DEVICES = {
    "tpu-v3-core": Device(61.5e12, 16 * GB),
    "a10g": Device(70e12, 24 * GB),
    "l4": Device(121e12, 24 * GB),
    "rtx4090": Device(165e12, 24 * GB),
    "l40": Device(181e12, 48 * GB),
    "l40s": Device(362e12, 48 * GB),
    "a100-40gb": Device(312e12, 40 * GB),
    "a100": Device(312e12, 80 * GB),
    "h100": Device(989e12, 80 * GB),
    "h200": Device(989e12, 141 * GB),
    "b200": Device(2250e12, 180 * GB),
}

_SLICE_TOKENS, _SLICE_VOCABULARY, _SLICE_WEIGHTS = 256, 4096, 2e7
"""How large the piece of a model is that a CPU is timed with."""


def device_kind(device: torch.device) -> str | None:
    """Which of `DEVICES` a GPU is; None for a CPU or an unknown one."""
    if device.type != "cuda":
        return None
    properties = torch.cuda.get_device_properties(device)
    return kind_of(properties.name, properties.total_memory)


def kind_of(name: str, memory: float) -> str | None:
    """Which of `DEVICES` has a name, as its driver gives it, and so many bytes.

    >>> kind_of("NVIDIA L40", 48e9), kind_of("NVIDIA A100-SXM4-40GB", 42e9), kind_of("NVIDIA GH200 480GB", 96e9)
    ('l40', 'a100-40gb', None)
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    names = {*words, *("".join(pair) for pair in pairwise(words))}
    # One name is sold with several sizes of memory.
    fitting = [kind for kind in DEVICES if kind.split("-")[0] in names and DEVICES[kind].memory <= 1.1 * memory]
    return max(fitting, key=lambda kind: DEVICES[kind].memory, default=None)


def cpu_speed(shape: PreTrainedConfig, config: TrainConfig) -> tuple[float, float]:
    """FLOP/s that this machine's CPU reaches in training, from real steps of one layer: the slowest and the fastest."""
    part = _slice(shape)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = type(skeleton(part))(part).train()
    here = World(0, 1, torch.device("cpu"))
    loss = loss_for(model)
    module = place(loss, model, TrainConfig(steps=1, dtype=config.dtype), here)
    length = min(_SLICE_TOKENS, context_of(part) or _SLICE_TOKENS)
    embeddings: Any = model.get_input_embeddings()
    tokens = np.random.default_rng(0).integers(0, embeddings.num_embeddings, length).tolist()
    batch = loss.batch(pack([Encoded(tokens, length // 2)], length), here.device)
    work = 6 * length * (body_of(model) / (2 if part.is_encoder_decoder else 1) + embeddings.weight.numel() / 2)
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        with precision(config, here):
            module(batch).backward()
        seconds.append(time.perf_counter() - began)
        model.zero_grad()
    return work / max(seconds[1:]), work / min(seconds[1:])


def body_of(model: Any) -> int:
    """Weights that every token goes through: all but the embeddings and the output head."""
    outside = {id(part.weight) for part in (model.get_input_embeddings(), model.get_output_embeddings()) if part}
    return sum(weight.numel() for weight in model.parameters() if id(weight) not in outside)


def _slice(shape: PreTrainedConfig) -> PreTrainedConfig:
    """One layer of a model, with a small vocabulary; a common layer instead, where the model's own is too large."""
    part = type(shape).from_dict(shape.to_dict())
    vocabulary = min(_SLICE_VOCABULARY, part.get_text_config().vocab_size)
    changes = {"vocab_size": vocabulary, "num_hidden_layers": 1, "num_decoder_layers": 1, "layer_types": None}
    for name, value in changes.items():
        if getattr(part, name, None) is not None:
            setattr(part, name, value)
    # Special tokens beyond the small vocabulary are of no use to it.
    part.pad_token_id = part.bos_token_id = part.eos_token_id = 0
    if _fits(part):
        return part
    return LlamaConfig(
        vocab_size=_SLICE_VOCABULARY, hidden_size=1024, intermediate_size=2816, num_hidden_layers=1,
        num_attention_heads=16, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip


def _fits(part: PreTrainedConfig) -> bool:
    try:
        return sum(weight.numel() for weight in skeleton(part).parameters()) <= _SLICE_WEIGHTS
    except (TypeError, ValueError, KeyError, IndexError):  # a shape that cannot be cut
        return False
