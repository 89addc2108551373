"""Two processes give the numbers of one."""

import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from small_models import assert_close, byte_encoder, small_model_of, some_requests

from openflan.evaluation.scoring.model import ModelScorer
from openflan.evaluation.scoring.processes import SplitScorer


def work(process: int, port: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=process, world_size=2)
    requests = some_requests(7)
    alone, split = (ModelScorer(small_model_of("llama"), byte_encoder()) for _ in range(2))
    expected, answers = dict(alone.rank(requests)), dict(SplitScorer(split).rank(requests))
    assert sorted(answers) == list(range(7))
    for number in range(7):
        assert_close(answers[number].logprobs, expected[number].logprobs)
    inputs = [request.input for request in requests[:3]]
    assert dict(SplitScorer(split).generate(inputs, 3)) == dict(alone.generate(inputs, 3))
    dist.destroy_process_group()


def test_two_processes_give_the_numbers_of_one():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(work, (port,), nprocs=2)
