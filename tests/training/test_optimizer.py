"""Adafactor's rate, absolute or times the size of the weights."""

from __future__ import annotations

import pytest
import torch

from openflan.training.config import TrainConfig, TrainError
from openflan.training.optimizer import make_optimizer


def moved(weights: torch.Tensor, **settings: object) -> torch.Tensor:
    """How far one step of Adafactor moves the weights, with a gradient of random numbers."""
    parameter = torch.nn.Parameter(weights.clone())
    parameter.grad = torch.randn(weights.shape, generator=torch.Generator().manual_seed(1))
    make_optimizer([parameter], TrainConfig(steps=1, optimizer="adafactor", lr=1e-3, **settings)).step()  # type: ignore[arg-type]
    return parameter.detach() - weights


@pytest.mark.parametrize("size", [2.0, 0.05])
@pytest.mark.parametrize("shape", [(6, 4), (5,)])
def test_a_scaled_rate_moves_weights_by_their_size(size: float, shape: tuple[int, ...]):
    weights = size * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = moved(weights) * weights.square().mean().sqrt()
    torch.testing.assert_close(moved(weights, scaled_rate=True), expected, rtol=1e-3, atol=1e-7)


def test_weights_that_are_zero_move_too():
    assert moved(torch.zeros(3, 3), scaled_rate=True).abs().max() > 1e-7


def test_other_runs_are_known_as_before_and_other_optimizers_refuse_it():
    assert "scaled_rate" not in TrainConfig(steps=1).outcome
    assert TrainConfig(steps=1, optimizer="adafactor", scaled_rate=True).outcome["scaled_rate"] is True
    with pytest.raises(TrainError, match="adafactor"):
        TrainConfig(steps=1, scaled_rate=True)
