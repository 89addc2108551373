"""Rank classification against lm-eval's hf backend: same prompts, model and dtype, one after the other in one run.

    python -m benchmarks.bench_eval --model FOLDER                       # the 135M model on a CPU, float32
    python -m benchmarks.bench_eval --shape 1.7B --device cuda --dtype bfloat16 --scale 40 --batch-sizes 16 64 256

With `--shape` the model has random weights and the shape named. Prompts are made-up text of set lengths that share
nothing beyond what a workload's name says. lm-eval gets the best of a few batch sizes, tried on a quarter of the
prompts. Reported are wall-clock seconds and their ratio, the ratio of process CPU time (which a busy machine disturbs
less), and how far apart the log-probabilities are; and what memory does as the number of prompts grows.
"""

from __future__ import annotations

import argparse
import gc
import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.shared import peak_memory, write_results
from openflan.data.encode import Format
from openflan.evaluation.scoring.interface import Ranking, RankRequest
from openflan.evaluation.scoring.model import ModelScorer
from openflan.model.encoder import encoder_for
from openflan.model.load import load_model, load_tokenizer

_TEXT = """
river stone window garden letter market winter teacher engine bridge music paper silver corner kitchen morning forest
doctor village island summer captain history picture station yellow mountain answer evening farmer table water simple
quiet broken early heavy open narrow ancient wooden
"""
WORDS = _TEXT.split()
SHAPES: dict[str, dict[str, int]] = {
    "135M": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "1.7B": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 24,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
    },
}


class Workload(NamedTuple):
    """Prompts of one kind; `target` is the ratio to reach on a CPU with the 135M model."""

    name: str
    target: float
    requests: list[RankRequest]


def workloads(scale: float, seed: int = 0) -> list[Workload]:
    """The four workloads; a word is about one token."""
    chance = random.Random(seed)

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words)).capitalize()

    def several(count: int, request: Callable[[], RankRequest]) -> list[RankRequest]:
        return [request() for _ in range(max(int(count * scale), 4))]

    def options(count: int) -> tuple[str, ...]:
        return tuple(f"{first} {text(3).lower()}" for first in chance.sample(WORDS, count))

    shots = "".join(f"{text(44)}? Answer: {text(3).lower()}.\n\n" for _ in range(8))
    return [
        Workload(
            "2 one-token options, 35-token context",
            2,
            several(64, lambda: RankRequest(f"{text(32)}? Answer:", ("yes", "no"))),
        ),
        Workload(
            "5 multi-token options, 40-token context",
            4,
            several(32, lambda: RankRequest(f"{text(37)}? Answer:", options(5))),
        ),
        Workload(
            "4 multi-token options, 420-token context",
            4,
            several(8, lambda: RankRequest(f"{text(417)}? Answer:", options(4))),
        ),
        Workload(
            "5 options, fixed 8-shot prompt of 400 tokens",
            15,
            several(24, lambda: RankRequest(f"{shots}{text(37)}? Answer:", options(5))),
        ),
    ]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder (default: the small model, fetched once)")
    parser.add_argument("--shape", choices=SHAPES, help="random weights of this shape instead of the model's own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's)")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many prompts as the default")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 32], help="tried for lm-eval")
    parser.add_argument("--token-budget", type=int, help="ours")
    parser.add_argument("--many", type=int, default=512, help="prompts for the memory measurement; 0: none")
    parser.add_argument("--name", default="eval")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    folder = options.model or _small_model()
    model = _model(options, folder)
    scorer = ModelScorer(model, encoder_for(folder, Format("space")), token_budget=options.token_budget)
    facts = {
        "model": options.shape or folder.name,
        "dtype": options.dtype,
        "device": _device_name(options.device),
        "threads": torch.get_num_threads(),
        "token budget": scorer.token_budget,
        "batch sizes tried": options.batch_sizes,
    }
    if options.many:  # First, as peak memory never goes down again.
        facts["memory"] = _memory(scorer, options.many)
        print(facts["memory"], flush=True)
    peer = _Peer(model, load_tokenizer(folder), options.batch_sizes)
    rows = [_compare(workload, scorer, peer) for workload in workloads(options.scale)]
    columns = ["workload", "prompts", "ours s", "lm-eval s", "lm-eval batch", "ratio", "CPU ratio", "target", "apart"]
    write_results(options.name, rows, columns, facts)


def _compare(workload: Workload, scorer: ModelScorer, peer: _Peer) -> dict[str, Any]:
    requests = workload.requests
    list(scorer.rank(requests[:2]))  # Warm: kernels chosen, pages touched.
    size = peer.best_size(requests[: max(len(requests) // 4, 2)])
    theirs, their_wall, their_cpu = _timed(lambda: peer.logprobs(requests, size))
    answers, wall, cpu = _timed(lambda: dict(scorer.rank(requests)))
    ours = [value for number in range(len(requests)) for value in _ranking(answers[number]).logprobs]
    row = {
        "workload": workload.name,
        "prompts": len(requests),
        "ours s": wall,
        "lm-eval s": their_wall,
        "lm-eval batch": size,
        "ratio": their_wall / wall,
        "CPU ratio": their_cpu / cpu,
        "target": workload.target,
        "apart": f"{max(abs(one - other) for one, other in zip(ours, theirs, strict=True)):.1e}",
    }
    print(row, flush=True)  # Partial results of a long run.
    return row


class _Peer:
    """lm-eval's hf backend around the same model object."""

    def __init__(self, model: Any, tokenizer: Any, sizes: Sequence[int]) -> None:
        from lm_eval.models.huggingface import HFLM

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        self._sizes = sizes
        self._make = lambda size: HFLM(pretrained=model, tokenizer=tokenizer, batch_size=size, backend="causal")

    def best_size(self, requests: Sequence[RankRequest]) -> int:
        """The batch size that is fastest on a few prompts."""
        return min(self._sizes, key=lambda size: _timed(lambda: self.logprobs(requests, size))[2])

    def logprobs(self, requests: Sequence[RankRequest], size: int) -> list[float]:
        """The log-probability of every option, request by request."""
        from lm_eval.api.instance import Instance

        pairs = [(request.input, f" {option}") for request in requests for option in request.options]
        asked = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
        return [logprob for logprob, _ in self._make(size).loglikelihood(asked, disable_tqdm=True)]


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` returns, and the wall-clock and CPU seconds it took."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _ranking(answer: Any) -> Ranking:
    assert isinstance(answer, Ranking), answer
    return answer


def _memory(scorer: ModelScorer, many: int) -> dict[str, float]:
    """Peak memory in MB that scoring adds with few prompts and with eight times as many."""
    requests = workloads(many / 64, seed=1)[0].requests
    peaks = {}
    cuda = scorer.model.device.type == "cuda"
    for count in (many // 8, many):
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        for _ in scorer.rank(requests[:count]):
            pass
        peaks[f"peak MB after {count} prompts"] = torch.cuda.max_memory_allocated() / 2**20 if cuda else peak_memory()
    return peaks


def _model(options: argparse.Namespace, folder: Path) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    if not options.shape:
        return load_model(folder, dtype=options.dtype, device=options.device)
    torch.manual_seed(0)
    vocabulary = len(load_tokenizer(folder))
    config = LlamaConfig(**SHAPES[options.shape], vocab_size=vocabulary, max_position_embeddings=2048)
    with torch.device(options.device):
        return LlamaForCausalLM(config).to(getattr(torch, options.dtype)).eval()


def _small_model() -> Path:
    from openflan.model.default import small_model

    return small_model()


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"


if __name__ == "__main__":
    main()
