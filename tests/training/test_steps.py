"""What a step costs besides its work: one exchange of numbers; and what is said of the time that is left."""

import torch
from training_support import config, llama, stream, tokenizer

from openflan.sums import sums_of
from openflan.training import checkpoint, trainer
from openflan.training.checkpoint import Checkpoints, damage_of
from openflan.training.loop import train
from openflan.training.parallel import World

torch.set_num_threads(1)


def run(folder, **changes):
    said = []
    train(llama(), stream(), config(**changes), folder, tokenizer=tokenizer(), say=said.append)
    return said


def test_processes_exchange_their_numbers_once_a_step(tmp_path, monkeypatch):
    sums = []
    monkeypatch.setattr(World, "sum", lambda here, values: sums.append(values) or values)
    run(tmp_path, steps=4, accumulate=2)
    assert [values.shape for values in sums] == [torch.Size([3])] * 4


def test_the_forecast_is_made_again_from_the_first_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "_RECENT", 2)
    monkeypatch.setattr(trainer, "_WORTH_SAYING", 0.0)
    said = run(tmp_path, steps=4)
    assert any(line.startswith("time: ") and "tokens a second" in line for line in said)
    assert len([line for line in said if line.startswith("measured: ") and line.endswith("left")]) == 1


def test_every_process_sums_the_files_that_it_has_written(tmp_path, monkeypatch):
    for rank in (1, 2):
        (tmp_path / f"shard-0000{rank}-model-00001-of-00001.safetensors").write_bytes(bytes([rank]))
    looked = []

    def watched(folder, names=None):
        looked.append(list(names))
        return sums_of(folder, names)

    monkeypatch.setattr(checkpoint, "sums_of", watched)
    monkeypatch.setattr(World, "gather", lambda here, value: [value])
    for rank in (0, 1):
        found = Checkpoints(tmp_path, 1, World(rank, 2, torch.device("cpu")), print)._sums(tmp_path)
        assert [*found] == looked[-1] == [f"shard-0000{rank + 1}-model-00001-of-00001.safetensors"]


def test_every_process_checks_its_share_of_a_checkpoint(tmp_path):
    run(tmp_path, steps=4, checkpoint_every=2)
    (folder,) = (tmp_path / "checkpoints").iterdir()
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    assert damage_of(folder, 0, 2) and damage_of(folder, 1, 2) is None
