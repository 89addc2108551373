"""What a run needs, from the model's configuration alone: memory, floating-point operations, time.

Rules of thumb, all stated in the result's `assumptions`; measured speed replaces them after a few steps.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedConfig

from openflan.errors import nearest
from openflan.model.load import load_config, skeleton
from openflan.training.config import TrainConfig, TrainError
from openflan.training.devices import DEVICES, GB, body_of, cpu_speed
from openflan.training.parallel import World

_SHAPES = Path(__file__).parent / "shapes"
_RESERVED = 1.5 * GB
"""CUDA context, libraries and fragmentation."""

_SAFE = 0.9
"""The share of a device's memory that can be counted on, these being rules of thumb."""


@dataclass(frozen=True)
class Estimate:
    """Memory in bytes on each device, the run's tokens and seconds (a range), and what that assumes.

    `host` is the memory outside of the devices that loading takes on one machine; `available` is a device's memory,
    where one was named; `speed` is the range of tokens a second.
    """

    parameters: int
    trained: int
    weights: float
    optimizer: float
    activations: float
    memory: float
    host: float
    available: float | None
    fits: bool | None
    tokens: int
    speed: tuple[float, float]
    seconds: tuple[float, float]
    assumptions: tuple[str, ...]

    def lines(self) -> list[str]:
        """For the person at the terminal."""
        return [
            f"model: {_count(self.parameters)} parameters, {_count(self.trained)} trained",
            f"memory: {self.memory / GB:.1f} GB a device (weights and gradients {self.weights / GB:.1f}, optimizer "
            f"{self.optimizer / GB:.1f}, activations {self.activations / GB:.1f}){self._verdict()}",
            f"data: {self.tokens:,} tokens",
            f"time: {duration(self.seconds[0])} to {duration(self.seconds[1])}, at {_count(self.speed[0])} to "
            f"{_count(self.speed[1])} tokens a second",
        ]

    def _verdict(self) -> str:
        if self.available is None:
            return ""
        if self.fits:
            return f", fits in {self.available / GB:.0f} GB"
        if self.memory <= self.available:
            return f", TOO CLOSE to the {self.available / GB:.0f} GB there are"
        return f", DOES NOT FIT in {self.available / GB:.0f} GB"


def estimate(
    model: str | PreTrainedConfig,
    config: TrainConfig,
    *,
    device: str | None = None,
    count: int = 1,
    labelled: float = 0.15,
) -> Estimate:
    """What training a model would need on `count` devices of a kind (of `DEVICES`; None: on this machine's CPU).

    `model` is a folder or a configuration; no weights are read. `labelled` is the share of tokens that go through the
    vocabulary. Raises `TrainError` for an unknown device, and for rows that do not divide among the devices.
    """
    if device is not None and device not in DEVICES:
        raise TrainError(f"unknown device {device!r}; known are {', '.join(DEVICES)}")
    World(0, count, torch.device("cpu")).shard(config.rows_per_step)
    shape = model if isinstance(model, PreTrainedConfig) else load_config(model)
    bare: Any = skeleton(shape)
    parameters = sum(weight.numel() for weight in bare.parameters())
    trained = parameters if config.adapter is None else config.adapter.size(bare)
    spread = count if config.shard else 1
    half = device is not None and config.dtype != "float32"

    weights = _weights(shape, parameters, trained, config, half, count)
    optimizer = (8 if config.optimizer == "adamw" else 0.02) * trained / spread
    activations = _activations_of(bare, shape, config, device, count, half, labelled)
    memory = weights + optimizer + activations + (_RESERVED if device else 0.0)
    available = DEVICES[device].memory if device else None
    host = 4 * parameters * (1 if config.shard else count)

    tokens = config.total_steps * config.tokens_per_step
    work, basis = _work(bare, shape, config, labelled)
    slow, fast, taken = _speed(device, count, shape, config)
    in_half = half and config.adapter is None
    assumptions = (basis, taken, *_assumptions_on_memory(host, spread, in_half))
    return Estimate(
        parameters=parameters,
        trained=trained,
        weights=weights,
        optimizer=optimizer,
        activations=activations,
        memory=memory,
        host=host,
        available=available,
        fits=None if available is None else memory <= _SAFE * available,
        tokens=tokens,
        speed=(slow / work, fast / work),
        seconds=(tokens * work / fast, tokens * work / slow),
        assumptions=assumptions,
    )


def _assumptions_on_memory(host: float, shards: int, in_half: bool) -> tuple[str, ...]:
    sharded = f"; weights are sharded over {shards} devices" if shards > 1 else ""
    return (
        "float32 weights and gradients" + (", cast to bfloat16 for compute" if in_half else ""),
        f"loading takes {host / GB:.1f} GB of host memory{sharded}",
        "attention within examples is short enough not to count",
        f"a run fits when it takes no more than {_SAFE:.0%} of a device's memory",
    )


def _weights(shape: Any, parameters: int, trained: int, config: TrainConfig, half: bool, count: int) -> float:
    """Bytes of weights and gradients on a device."""
    if config.adapter is not None:
        saved = getattr(shape, "dtype", None)
        width = saved.itemsize if isinstance(saved, torch.dtype) else 4
        return float(width * parameters + 8 * trained)
    if not config.shard or count == 1:
        # Copies exchange their gradients through buckets of the same size.
        return float(8 * parameters + (2 * parameters if half else 0) + (4 * parameters if count > 1 else 0))
    # Two layers at a time are whole, and the embeddings and the head with them.
    embeddings = shape.get_text_config().vocab_size * shape.hidden_size * (1 if shape.tie_word_embeddings else 2)
    gathered = embeddings + 2 * (parameters - embeddings) / shape.num_hidden_layers
    return float(8 * parameters / count + (2 if half else 4) * gathered)


def _activations_of(
    bare: Any, shape: Any, config: TrainConfig, device: str | None, count: int, half: bool, labelled: float
) -> float:
    share = config.rows_per_step // count
    here = config.rows_at_once(share, "cuda" if device else "cpu") * config.row_length
    kept = _activations(shape, here, 2 if half else 4, config.activation_checkpointing)
    vocabulary = bare.get_input_embeddings().weight.shape[0]
    return float(kept + min(here * labelled, 1024) * vocabulary * 4 * 3)


def _work(bare: Any, shape: Any, config: TrainConfig, labelled: float) -> tuple[float, str]:
    """Floating-point operations a token, and a sentence on them."""
    # A frozen weight's gradient is not computed; that of its input is.
    passes = (3 if config.adapter is None else 2) + config.activation_checkpointing
    body = float(body_of(bare))
    if shape.is_encoder_decoder:
        # What is read goes through the encoder, what is written through the decoder.
        table = bare.get_input_embeddings().weight
        encoder = sum(weight.numel() for weight in bare.get_encoder().parameters() if weight is not table)
        body = (1 - labelled) * encoder + labelled * (body - encoder)
    work = passes * 2 * (body + labelled * bare.get_input_embeddings().weight.numel())
    sides = ", the rest through the encoder only" if shape.is_encoder_decoder else ""
    return work, f"{2 * passes} FLOPs a token and weight; {labelled:.0%} of tokens go through the vocabulary{sides}"


def shape_of(name: str) -> PreTrainedConfig:
    """The configuration of a model that comes as a shape only; raises `TrainError` for an unknown name.

    `lamda-137b` is the paper's base model (layers and sizes from Thoppilan et al. 2022).
    """
    known = {path.stem: path for path in _SHAPES.glob("*.json")}
    if name not in known:
        raise TrainError(f"no shape is called {name!r}{nearest(name, known)}")
    config: PreTrainedConfig = AutoConfig.for_model(**json.loads(known[name].read_text(encoding="utf-8")))
    return config


def _activations(shape: Any, tokens: int, width: int, checkpointing: bool) -> float:
    """Bytes kept for the backward pass: about 16 hidden and 3 feed-forward vectors a layer, or its input alone."""
    hidden, layers = shape.hidden_size, shape.num_hidden_layers
    inner = getattr(shape, "intermediate_size", None) or getattr(shape, "d_ff", None) or 4 * hidden
    layer = 16 * hidden + 3 * inner
    kept = layers * hidden + layer if checkpointing else layers * layer
    return float(tokens * width * kept)


def _speed(device: str | None, count: int, shape: Any, config: TrainConfig) -> tuple[float, float, str]:
    """FLOP/s that training reaches on all devices, from and to, and a sentence on both."""
    if device is None:
        slow, fast = cpu_speed(shape, config)
        told = f"{slow / 1e9:.0f} to {fast / 1e9:.0f} GFLOP/s"
        return 0.7 * slow, 1.2 * fast, f"steps of one such layer ran at {told} on this CPU just now"
    top = DEVICES[device].flops * count
    return (
        0.25 * top,
        0.45 * top,
        f"{count} x {device} at data-sheet bfloat16 speed; training reaches 25-45% of it",
    )


def _count(number: float) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
