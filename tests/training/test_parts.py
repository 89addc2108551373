"""The small parts of the loop: trackers, batches made ahead, Adafactor."""

import itertools
import json
import sys
import threading
import types

import pytest
import torch

from openflan.training.config import TrainError
from openflan.training.metrics import Metrics
from openflan.training.optimizer import Adafactor
from openflan.training.prefetch import prefetch


def test_items_come_in_order_and_no_more_are_made_than_asked_for():
    made = []

    def numbers():
        for number in itertools.count():
            made.append(number)
            yield number

    with prefetch(numbers(), 3) as items:
        assert list(itertools.islice(items, 5)) == [0, 1, 2, 3, 4]
    assert len(made) <= 5 + 3 + 2
    assert not any(thread.name == "batches" for thread in threading.enumerate())


def test_an_error_made_ahead_is_raised_where_the_item_is_taken():
    def numbers():
        yield 1
        raise ValueError("broken")

    with prefetch(numbers(), 4) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_trackers_get_every_step(tmp_path, monkeypatch, name):
    calls = []
    fake = types.SimpleNamespace(
        init=lambda **settings: calls.append(("init", settings["config"])),
        log=lambda values, step: calls.append((step, values)),
        finish=lambda: calls.append("finish"),
    )
    monkeypatch.setitem(sys.modules, name, fake)
    metrics = Metrics(tmp_path, (name,), {"lr": 0.1})
    metrics.log(1, loss=2.0)
    metrics.close()
    assert calls == [("init", {"lr": 0.1}), (1, {"loss": 2.0}), "finish"]


def test_a_tracker_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrainError, match="pip install wandb"):
        Metrics(tmp_path, ("wandb",), {})


def test_rewinding_drops_later_and_broken_lines(tmp_path):
    metrics = Metrics(tmp_path, (), {})
    for step in (1, 2, 3):
        metrics.log(step, loss=1.0)
    with metrics.path.open("a") as file:
        file.write('{"step": 4, "lo')
    metrics.rewind(2)
    assert [json.loads(line)["step"] for line in metrics.path.read_text().splitlines()] == [1, 2]


def test_adafactor_keeps_a_row_and_a_column_and_takes_bounded_steps():
    torch.manual_seed(0)
    weight, gain = torch.nn.Parameter(torch.randn(6, 4)), torch.nn.Parameter(torch.ones(5))
    optimizer = Adafactor([weight, gain], lr=0.1)
    for _ in range(3):
        before = weight.detach().clone()
        weight.grad, gain.grad = 100 * torch.randn(6, 4), torch.randn(5)
        optimizer.step()
        assert (weight - before).square().mean().sqrt() <= 0.1 + 1e-6
    assert {name: tuple(value.shape) for name, value in optimizer.state[weight].items()} == {
        "step": (),
        "rows": (6,),
        "columns": (4,),
    }
    assert optimizer.state[gain]["square"].shape == (5,)


def test_adafactor_finds_a_minimum():
    target = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    weight = torch.nn.Parameter(torch.zeros(3, 3))
    optimizer = Adafactor([weight], lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        (weight - target).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(weight.detach(), target, atol=0.05, rtol=0)
