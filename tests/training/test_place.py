"""Which device a process works on is known before anything is put on one."""

import os

import pytest
import torch
import torch.distributed as dist
from training_support import config, llama

from openflan.errors import OpenflanError
from openflan.training import parallel
from openflan.training.loss import CausalLoss
from openflan.training.parallel import World, world
from openflan.training.place import load_to_train, place, precision
from openflan.training.proof import expect_equal, prove_isolation

CPU = torch.device("cpu")


def test_every_process_takes_its_own_gpu_before_it_joins_the_others(monkeypatch):
    calls = []
    for name, value in {"WORLD_SIZE": "4", "LOCAL_RANK": "3", "RANK": "3"}.items():
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.setattr(parallel, "default_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: calls.append(("device", str(device))))
    monkeypatch.setattr(dist, "init_process_group", lambda name, device_id: calls.append((name, str(device_id))))
    monkeypatch.setattr(dist, "get_rank", lambda: 3)
    monkeypatch.setattr(dist, "get_world_size", lambda: 4)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: calls.append("left"))
    with world() as here:
        assert str(here.device) == "cuda:3"
    assert calls == [("device", "cuda:3"), ("nccl", "cuda:3"), "left"]


def test_of_a_model_to_be_shared_out_only_the_first_process_reads_the_weights(tmp_path):
    llama().save_pretrained(tmp_path)
    shared = config(shard=True)
    devices = [
        {weight.device.type for weight in load_to_train(tmp_path, settings, World(rank, size, CPU)).parameters()}
        for settings, rank, size in ((shared, 0, 2), (shared, 1, 2), (shared, 0, 1), (config(), 1, 2))
    ]
    assert devices == [{"cpu"}, {"meta"}, {"cpu"}, {"cpu"}]


def test_the_proof_is_given_in_the_precision_of_training():
    seen = []

    class Watched(CausalLoss):
        def forward(self, batch):
            separate, packed = super().forward(batch)
            seen.extend([separate.dtype, packed.dtype])
            return separate, packed

    model = llama()
    settings, here = config(dtype="bfloat16"), World(0, 1, CPU)
    module = place(Watched(model), model, settings, here)
    with precision(settings, here):
        prove_isolation(module, model, CPU)
    assert seen == [torch.bfloat16, torch.bfloat16]


def test_one_outlying_logit_does_not_refuse_a_sound_model_and_a_moved_position_does():
    torch.manual_seed(0)
    separate = torch.randn(20, 1000, dtype=torch.bfloat16)
    packed = separate + 0.02 * torch.randn_like(separate)
    packed[3, 7] += 0.5
    expect_equal(llama(), separate, packed)
    packed[5] += 0.3 * torch.randn(1000)
    with pytest.raises(OpenflanError, match="cannot be trained on packed rows"):
        expect_equal(llama(), separate, packed)
