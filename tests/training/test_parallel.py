"""Several processes through torchrun, with gloo: the same data, the same losses, checkpoints that fit any number."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_support import ROW, config, llama, stream, tokenizer

from openflan.errors import Stopped
from openflan.training.config import TrainError
from openflan.training.loop import train
from openflan.training.parallel import World

CHILD = str(Path(__file__).parent / "parallel_child.py")
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def start(folder, stop_after=0, **settings):
    """Two processes through torchrun; returns what the first one said."""
    command = [*LAUNCH, "2", CHILD, str(folder), str(stop_after), json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def start_alone(folder, stop_after=0, **settings):
    """The same in this process."""

    def stop(progress):
        if progress.step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    said = []
    options = {"tokenizer": tokenizer(), "on_progress": stop, "say": said.append}
    try:
        train(llama(), stream(), config(**settings), folder, **options)
    except Stopped as stopped:
        said.append(f"{stopped} {stopped.status}")
    return "\n".join(said)


def numbers(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [value for line in lines for value in (line["loss"], line["grad_norm"], line["labelled"])]


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def assert_same_run(one, other):
    assert numbers(one) == pytest.approx(numbers(other), rel=1e-4)
    assert weights(one).keys() == weights(other).keys()
    for name, weight in weights(one).items():
        torch.testing.assert_close(weight, weights(other)[name], atol=2e-3, rtol=2e-3)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    start_alone(folder)
    return folder


def test_two_processes_give_the_losses_of_one(tmp_path, alone):
    start(tmp_path, accumulate=2)
    assert_same_run(tmp_path, alone)


@pytest.mark.parametrize(("before", "after"), [(start, start_alone), (start_alone, start)])
def test_a_sharded_checkpoint_loads_on_another_number_of_processes(tmp_path, alone, before, after):
    assert "stopped after step 3" in before(tmp_path, stop_after=2, shard=True)
    assert "resuming after step 3" in after(tmp_path, shard=True, accumulate=2)
    assert_same_run(tmp_path, alone)


def test_a_step_is_shared_in_equal_parts():
    cpu = torch.device("cpu")
    rows = list(range(8))
    shares = [rows[World(rank, 4, cpu).shard(8)] for rank in range(4)]
    assert [row for share in shares for row in share] == rows
    assert {len(share) for share in shares} == {2}
    with pytest.raises(TrainError, match="cannot be shared by 3 processes"):
        World(0, 3, cpu).shard(config(tokens_per_step=4 * ROW).rows_per_step)
