"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from openflan.model.soft_prompt import SoftPrompt
from openflan.training.config import TrainConfig

_LEAST_FACTORED = 128
"""T5's implementation keeps the second moments of smaller matrices one by one; a soft prompt is one."""


_LEAST_SCALE = 1e-3
"""So that weights that are all zero move too (Shazeer and Stern, section 8)."""


def make_optimizer(parameters: Iterable[Tensor], config: TrainConfig) -> torch.optim.Optimizer:
    """The optimizer over trainable parameters; only matrices decay."""
    trained = list(parameters)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "adafactor":
        whole = isinstance(config.adapter, SoftPrompt)
        least = _LEAST_FACTORED if whole else 0
        return Adafactor(groups, lr=config.lr, least_factored=least, scaled=config.scaled_rate)
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), eps=1e-8, fused=True)


def learning_rate(config: TrainConfig, step: int) -> float:
    """The rate of optimizer step number `step`, from 1: a linear warm-up, then the schedule down to zero."""
    if step <= config.warmup_steps:
        return config.lr * step / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    # The last step still moves: the rate would be zero one step after it.
    done = (step - config.warmup_steps - 1) / max(1, config.total_steps - config.warmup_steps)
    return config.lr * (1 - done if config.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2)


class Adafactor(torch.optim.Optimizer):
    """Adafactor (Shazeer and Stern, 2018) without momentum and with an absolute learning rate.

    The second moment of a matrix is kept as the product of its row and column means, so the state of an n x m matrix is
    n + m values. Its decay is 1 - step^-0.8; updates are clipped to a root mean square of 1. The rate is not scaled by
    the size of the weights, so that 3e-5 means what it does for Adam, unless it is to be `scaled`: by the root mean
    square of the weights that it moves, 1e-3 at least. Matrices with a side below `least_factored` have a value for
    each weight.
    """

    def __init__(
        self,
        params: Any,
        *,
        lr: float,
        weight_decay: float = 0.0,
        epsilon: float = 1e-30,
        least_factored: int = 0,
        scaled: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "epsilon": epsilon})
        self.least_factored, self.scaled = least_factored, scaled

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad.float(), group)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        factored = gradient.ndim >= 2 and min(gradient.shape[-2:]) >= self.least_factored
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            if factored:
                state["rows"] = torch.zeros_like(gradient.mean(-1))
                state["columns"] = torch.zeros_like(gradient.mean(-2))
            else:
                state["square"] = torch.zeros_like(gradient)
        state["step"] += 1
        decay = 1 - state["step"].item() ** -0.8
        square = gradient.square() + group["epsilon"]
        if factored:
            rows = state["rows"].lerp_(square.mean(-1), 1 - decay)
            columns = state["columns"].lerp_(square.mean(-2), 1 - decay)
            row_factor = (rows / rows.mean(-1, keepdim=True)).rsqrt().unsqueeze(-1)
            update = gradient * row_factor * columns.rsqrt().unsqueeze(-2)
        else:
            update = gradient * state["square"].lerp_(square, 1 - decay).rsqrt()
        update = update / update.square().mean().sqrt().clamp(min=1.0)
        if self.scaled:
            update = update * parameter.float().square().mean().sqrt().clamp(min=_LEAST_SCALE)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update.to(parameter.dtype) * -group["lr"])
