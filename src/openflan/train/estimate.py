"""What a run needs, from the model's configuration alone: memory, floating-point operations, time.

Rules of thumb, all stated in the result's `assumptions`; measured speed replaces them after a few steps.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedConfig

from openflan.errors import nearest
from openflan.model.load import fast_dtype, load_config
from openflan.train.config import TrainConfig, TrainError
from openflan.train.place import skeleton

_SHAPES = Path(__file__).parent / "shapes"
_GB = 1e9
_RESERVED = 1.5 * _GB
"""CUDA context, libraries and fragmentation."""


@dataclass(frozen=True)
class Device:
    """A kind of accelerator: bfloat16 matrix throughput in FLOP/s by its data sheet, and memory in bytes."""

    flops: float
    memory: float


DEVICES = {
    "tpu-v3-core": Device(61.5e12, 16 * _GB),
    "a10g": Device(70e12, 24 * _GB),
    "l4": Device(121e12, 24 * _GB),
    "rtx4090": Device(165e12, 24 * _GB),
    "l40s": Device(362e12, 48 * _GB),
    "a100": Device(312e12, 80 * _GB),
    "h100": Device(989e12, 80 * _GB),
    "h200": Device(989e12, 141 * _GB),
    "b200": Device(2250e12, 180 * _GB),
}


@dataclass(frozen=True)
class Estimate:
    """Memory in bytes on each device, the run's tokens and seconds (a range), and what that assumes."""

    parameters: int
    trained: int
    weights: float
    optimizer: float
    activations: float
    memory: float
    fits: bool | None
    tokens: int
    seconds: tuple[float, float]
    assumptions: tuple[str, ...]

    def lines(self) -> list[str]:
        """For the person at the terminal."""
        return [
            f"model: {_count(self.parameters)} parameters, {_count(self.trained)} trained",
            f"memory: {self.memory / _GB:.1f} GB a device (weights and gradients {self.weights / _GB:.1f}, optimizer "
            f"{self.optimizer / _GB:.1f}, activations {self.activations / _GB:.1f})"
            + ("" if self.fits is None else ", fits" if self.fits else ", DOES NOT FIT"),
            f"data: {self.tokens:,} tokens",
            f"time: {duration(self.seconds[0])} to {duration(self.seconds[1])}",
        ]


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
    vocabulary. Raises `TrainError` for a device it does not know.
    """
    if device is not None and device not in DEVICES:
        raise TrainError(f"unknown device {device!r}; known are {', '.join(DEVICES)}")
    shape = model if isinstance(model, PreTrainedConfig) else load_config(model)
    bare: Any = skeleton(shape)
    parameters = sum(weight.numel() for weight in bare.parameters())
    embeddings: Any = bare.get_input_embeddings()
    body = parameters - embeddings.weight.numel() * (1 if shape.tie_word_embeddings else 2)
    head = embeddings.weight.numel()
    trained = parameters if config.adapter is None else _adapter_size(bare, config.adapter.rank)

    spread = count if config.shard else 1
    half = device is not None and config.dtype != "float32"
    weights = (4 * parameters + 4 * trained if config.adapter is None else 2 * parameters + 8 * trained) / spread
    cast = 2 * parameters / spread if half and config.adapter is None else 0.0
    optimizer = (8 if config.optimizer == "adamw" else 0.02) * trained / spread
    share = max(1, config.rows_per_step // count)
    here = config.rows_at_once(share, "cuda" if device else "cpu") * config.row_length
    activations = _activations(shape, here, 2 if half else 4, config.activation_checkpointing)
    activations += min(here * labelled, 1024) * embeddings.weight.shape[0] * 4 * 3
    memory = weights + cast + optimizer + activations + (_RESERVED if device else 0.0)

    tokens = config.total_steps * config.tokens_per_step
    # A frozen weight's gradient is not computed; that of its input is.
    passes = (3 if config.adapter is None else 2) + config.activation_checkpointing
    flops = tokens * passes * 2 * (body + labelled * head)
    speed, efficiency, basis = _speed(device, count, config)
    seconds = (flops / speed / efficiency[1], flops / speed / efficiency[0])
    assumptions = (
        f"{2 * passes} FLOPs a token and weight; {labelled:.0%} of tokens go through the vocabulary",
        basis,
        "float32 weights and gradients"
        + (", cast to bfloat16 for compute" if cast else "")
        + (f", shared among {count} devices" if spread > 1 else ""),
        "attention within examples is short enough not to count",
    )
    fits = memory <= DEVICES[device].memory if device else None
    return Estimate(
        parameters, trained, weights + cast, optimizer, activations, memory, fits, tokens, seconds, assumptions
    )


def shape_of(name: str) -> PreTrainedConfig:
    """The configuration of a model that comes as a shape only; raises `TrainError` for a name there is none of.

    `lamda-137b` is the paper's base model (layers and sizes from Thoppilan et al. 2022).
    """
    known = {path.stem: path for path in _SHAPES.glob("*.json")}
    if name not in known:
        raise TrainError(f"no shape is called {name!r}{nearest(name, known)}")
    config: PreTrainedConfig = AutoConfig.for_model(**json.loads(known[name].read_text(encoding="utf-8")))
    return config


def device_kind(device: torch.device) -> str | None:
    """Which of `DEVICES` a GPU is, by the name it gives; None for a CPU or a stranger."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device).lower().replace(" ", "")
    return next((kind for kind in sorted(DEVICES, key=len, reverse=True) if kind in name), None)


def _adapter_size(skeleton: Any, rank: int) -> int:
    head = skeleton.get_output_embeddings()
    linear = [part for part in skeleton.modules() if isinstance(part, torch.nn.Linear) and part is not head]
    return sum(rank * (part.in_features + part.out_features) for part in linear)


def _activations(shape: Any, tokens: int, width: int, checkpointing: bool) -> float:
    """Bytes kept for the backward pass: about 16 hidden and 3 feed-forward vectors a layer, or its input alone."""
    hidden, layers = shape.hidden_size, shape.num_hidden_layers
    inner = getattr(shape, "intermediate_size", None) or getattr(shape, "d_ff", None) or 4 * hidden
    layer = 16 * hidden + 3 * inner
    kept = layers * hidden + layer if checkpointing else layers * layer
    return float(tokens * width * kept)


def _speed(device: str | None, count: int, config: TrainConfig) -> tuple[float, tuple[float, float], str]:
    """FLOP/s of all devices, the range of what share of it training reaches, and a sentence on both."""
    if device is None:
        dtype = fast_dtype("cpu") if config.dtype == "fast" else getattr(torch, config.dtype, torch.float32)
        speed = _measured_speed(dtype)
        return (
            speed,
            (0.4, 0.9) if dtype == torch.float32 else (0.15, 0.5),
            f"this CPU multiplies {str(dtype).removeprefix('torch.')} matrices at {speed / 1e9:.0f} GFLOP/s, of which "
            "training reaches a half or more in float32 and a quarter in bfloat16",
        )
    speed = DEVICES[device].flops * count
    return speed, (0.25, 0.45), f"{count} x {device} at data-sheet bfloat16 speed; training reaches 25-45% of it"


def _measured_speed(dtype: torch.dtype, size: int = 1024, repeats: int = 5) -> float:
    """FLOP/s of a matrix product on this machine's CPU, the best of a few."""
    import time

    matrix = torch.randn(size, size, dtype=dtype)
    best = math.inf
    for _ in range(repeats):
        began = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


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
