"""The losses of small trainings, kept in `tests/golden/losses.json`: only a change of the computation may move them.

On the kind of machine that the file names they are the same to the last bit; elsewhere libraries sum in another order,
and they are the same to one part in a thousand. A change that means to move them renews them with
`pytest tests/training/test_golden_losses.py --update-golden`, and says so in the changelog.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from training_support import config, llama, stream, t5, tokenizer

from openflan.model.adapters import Lora
from openflan.training.loop import train

torch.set_num_threads(1)

GOLDEN = Path(__file__).parent.parent / "golden" / "losses.json"
STEPS = 6


def full(folder: Path) -> None:
    run(llama(), folder)


def lora(folder: Path) -> None:
    run(llama(), folder, adapter=Lora(rank=4))


def encoder_decoder(folder: Path) -> None:
    run(t5(), folder)


def packed(folder: Path) -> None:
    """Long rows of many examples, a step in two parts, the paper's optimizer."""
    changes = {"row_length": 64, "tokens_per_step": 256, "accumulate": 2, "optimizer": "adafactor"}
    run(llama(), folder, schedule="cosine", warmup_steps=2, weight_decay=0.1, **changes)


def resumed(folder: Path) -> None:
    """Broken off after the fifth step, one step after a checkpoint."""

    def break_off(progress: Any) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(llama(), folder, on_progress=break_off)
    run(llama(), folder)


TRAININGS: dict[str, Callable[[Path], None]] = {
    "full": full,
    "lora": lora,
    "encoder-decoder": encoder_decoder,
    "packed": packed,
    "resumed": resumed,
}


@pytest.mark.parametrize("name", TRAININGS)
def test_losses_are_what_they_were(name, tmp_path, request):
    TRAININGS[name](tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines]
    if request.config.getoption("--update-golden"):
        keep(name, losses)
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    if golden["machine"] == machine():
        assert losses == golden["losses"][name]
    else:
        assert losses == pytest.approx(golden["losses"][name], rel=1e-3)


def test_a_resumed_run_has_the_losses_of_an_unbroken_one():
    losses = json.loads(GOLDEN.read_text(encoding="utf-8"))["losses"]
    assert losses["resumed"] == losses["full"]


def run(model: Any, folder: Path, on_progress: Callable[[Any], None] | None = None, **changes: Any) -> None:
    settings = config(steps=STEPS, **changes)
    rows = stream(row_length=settings.row_length)
    train(model, rows, settings, folder, tokenizer=tokenizer(), on_progress=on_progress, say=lambda line: None)


def machine() -> dict[str, str]:
    """What the last bits of a float32 sum depend on: the libraries, and the instructions that they choose from."""
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
    }


def keep(name: str, losses: list[float]) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.is_file() else {"losses": {}}
    golden = {"machine": machine(), "losses": {**golden["losses"], name: losses}}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
