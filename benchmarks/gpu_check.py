"""Every path that a GPU takes: ran, equal to the float32 reference on the CPU, how fast. Start it with gpu_check.sh.

The numbers are compared with a reference on a tiny model; the speed is that of a larger one. What a path cannot do is a
line of the table, not the end of the check; so is what no longer fits in the time.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from small_models import byte_encoder, plain_logprobs, small_model_of, some_requests

from benchmarks.shared import llama, write_results
from openflan.data.encode import Encoded
from openflan.data.pack import pack
from openflan.data.stream import Position, Step
from openflan.evaluation.scoring.model import ModelScorer
from openflan.model.adapters import Lora
from openflan.training.config import TrainConfig
from openflan.training.loop import train
from openflan.training.loss import loss_for
from openflan.training.parallel import World
from openflan.training.place import shard_model
from openflan.training.proof import prove_isolation

VOCABULARY = 320
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Rows:
    """Made-up packed rows, the same ones every time."""

    row_length: int
    fingerprint: str = "made up"

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """Rows of examples of all lengths from 8 to half a row."""
        number = start.window
        while True:
            chance = np.random.default_rng(number)
            examples: list[Encoded] = []
            while len(packed := pack(examples, self.row_length)) < rows:
                for length in chance.integers(8, self.row_length // 2, 4 * rows):
                    examples.append(Encoded(chance.integers(3, VOCABULARY, length).tolist(), int(length * 3 // 4)))
            number += 1
            yield Step(packed[:rows], Position(number))


def losses(model: Any, device: torch.device, row_length: int = 128, **settings: Any) -> tuple[list[float], float]:
    """The losses of a few steps, and tokens a second without the first two."""
    found, times = [], []

    def note(progress: Any) -> None:
        found.append(progress.loss)
        times.append(time.perf_counter())

    chosen = {"steps": 6, "tokens_per_step": 8 * row_length, "lr": 1e-3, "checkpoint_every": 0, **settings}
    config = TrainConfig(row_length=row_length, **chosen)
    with TemporaryDirectory() as folder:
        options = {"base": {"base model": "made up"}, "here": World(0, 1, device), "say": lambda _: None}
        train(model, Rows(row_length), config, Path(folder), on_progress=note, **options)
    return found, config.tokens_per_step * (len(times) - 2) / (times[-1] - times[1])


def training(device: torch.device, shape: str, family: str = "", **settings: Any) -> tuple[float, float]:
    """How far the losses are from the reference (relative, at most), and the speed."""

    def model(size: str) -> Any:
        if family:
            small = small_model_of(family)
            return type(small)(small.config)
        return llama(size, VOCABULARY)

    torch.manual_seed(0)
    start = model("tiny").state_dict()
    adapter = {name: value for name, value in settings.items() if name == "adapter"}
    runs = []
    for where, chosen in ((CPU, {"dtype": "float32", **adapter}), (device, settings)):
        one = model("tiny")
        one.load_state_dict(start)
        runs.append(losses(one, where, **chosen))
    away = max(abs(a - b) / abs(a) for a, b in zip(runs[0][0], runs[1][0], strict=True))
    if device.type == "cpu" or family:
        return away, runs[1][1]
    return away, losses(model(shape), device, 2048, **settings)[1]


def sharding(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """FSDP with one process: one loss against the reference, and tokens a second of the forward and backward pass."""
    rows = next(Rows(128).steps(8)).rows
    reference = llama("tiny", VOCABULARY)
    loss = loss_for(reference)
    expected = loss(loss.batch(rows, CPU)).item()
    model = llama("tiny", VOCABULARY)
    loss = loss_for(model)
    with TemporaryDirectory() as folder:
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, init_method=f"file://{folder}/join", rank=0, world_size=1)
        try:
            module = shard_model(loss, model, World(0, 1, device), dtype)
            prove_isolation(module, model, device)
            batch = loss.batch(rows, device)
            found = module(batch)
            found.backward()
            began = time.perf_counter()
            for _ in range(5):
                module(batch).backward()
            if device.type == "cuda":
                torch.cuda.synchronize()
            speed = 5 * rows.tokens.size / (time.perf_counter() - began)
        finally:
            dist.destroy_process_group()
    return abs(found.item() - expected) / abs(expected), speed


def ranking(device: torch.device, family: str, dtype: torch.dtype) -> tuple[float, float]:
    """Log-probabilities of options against plain forward passes, at most so many nats away; prompts a second."""
    small, encoder, requests = small_model_of(family), byte_encoder(), some_requests(64)
    expected = [plain_logprobs(small, encoder, request) for request in requests]
    moved = copy.deepcopy(small)
    scorer = ModelScorer(moved.to(device=device, dtype=dtype), encoder)
    list(scorer.rank(requests))
    began = time.perf_counter()
    found = dict(scorer.rank(requests))
    seconds = time.perf_counter() - began
    away = max(np.abs(np.subtract(found[i].logprobs, expected[i])).max() for i in range(len(requests)))
    return float(away), len(requests) / seconds


def checks(device: torch.device, shape: str) -> list[tuple[str, float, Callable[[], tuple[float, float]]]]:
    """The paths: name, how far from the reference is still equal, and the work."""
    half = torch.bfloat16
    return [
        ("train, float32", 1e-3, lambda: training(device, shape, dtype="float32")),
        ("train, bfloat16 (varlen attention on a GPU)", 0.02, lambda: training(device, shape, dtype="bfloat16")),
        ("train, recomputed", 0.02, lambda: training(device, shape, dtype="bfloat16", activation_checkpointing=True)),
        ("train, Adafactor", 0.02, lambda: training(device, shape, dtype="bfloat16", optimizer="adafactor")),
        ("train, compiled", 0.02, lambda: training(device, shape, dtype="bfloat16", compile=True)),
        ("train, LoRA", 0.02, lambda: training(device, shape, dtype="bfloat16", adapter=Lora(rank=4))),
        ("train, T5", 0.02, lambda: training(device, shape, family="t5", dtype="bfloat16")),
        ("FSDP, float32", 1e-3, lambda: sharding(device, torch.float32)),
        ("FSDP, bfloat16", 0.02, lambda: sharding(device, half)),
        *[
            (f"rank, {family}, {name}", limit, lambda family=family, dtype=dtype: ranking(device, family, dtype))
            for family in ("llama", "mistral", "t5")
            for name, dtype, limit in (("float32", torch.float32, 1e-3), ("bfloat16", half, 1.0))
        ],
    ]


def main() -> int:
    """Run the checks and print their table; the exit status is 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shape", default="135M", help="whose speed is measured on a GPU (default: 135M)")
    parser.add_argument("--seconds", type=float, default=540.0, help="start nothing after so long (default: 540)")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda":
        torch.cuda.set_device(0)
    rows, began = [], time.perf_counter()
    for name, limit, work in checks(device, options.shape):
        row: dict[str, Any] = {"path": name, "equal within": f"{limit:.0e}"}
        start = time.perf_counter()
        if start - began > options.seconds:
            row["result"] = "no time left"
        else:
            try:
                away, row["per second"] = work()
                row["off by"] = f"{away:.1e}"
                row["result"] = "equal" if away <= limit else "DIFFERENT"
            except Exception as error:  # whatever it is, it is what the check is for
                row["result"] = (
                    f"FAILED: {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
                )
        row["seconds"] = time.perf_counter() - start
        rows.append(row)
        print(f"{name}: {row['result']}", file=sys.stderr, flush=True)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    columns = ("path", "result", "off by", "equal within", "per second", "seconds")
    write_results("gpu_check" if device.type == "cuda" else "gpu_check_cpu", rows, columns, {"device": name})
    return int(any(row["result"] != "equal" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
