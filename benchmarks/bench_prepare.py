"""Preparing data: speed against TRL with the same tokenizer, memory as examples grow, and time to resume.

    python -m benchmarks.bench_prepare speed  --examples 10000
    python -m benchmarks.bench_prepare memory --examples 100000 1000000
    python -m benchmarks.bench_prepare resume --step 100000

`speed` has both sides turn the same written prompts into packed rows, by process CPU time with one thread: ours
tokenizes, packs and writes memory-mapped arrays, TRL tokenizes, labels and packs into an Arrow table. The fast
tokenizer is measured where it agrees with this tokenizer, and else on a byte-level BPE trained here, which it knows.
`memory` prepares ever more examples, each time in a fresh process, and reports its peak. `resume` times the first batch
from the position that a checkpoint of the step would hold.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.shared import peak_memory, sample_mixture, write_results
from openflan.data.encode import Encoder, Format
from openflan.data.fast import accelerate
from openflan.data.mixture import Draw
from openflan.data.prepared import prepare
from openflan.data.prompt import Prompt
from openflan.data.shards import SHARD
from openflan.data.stream import WINDOW, Position, Stream
from openflan.model.default import small_model

ROW = 1024


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "memory", "resume", "one"])
    parser.add_argument("--tokenizer", type=Path, help="a model folder (default: the small model)")
    parser.add_argument("--examples", type=int, nargs="+", default=[10_000])
    parser.add_argument("--step", type=int, default=100_000)
    options = parser.parse_args()
    options.tokenizer = options.tokenizer or small_model()
    {"speed": speed, "memory": memory, "resume": resume, "one": one}[options.what](options)


class Written:
    """Prompts that have been written, as a mixture."""

    fingerprint = "written"

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self.all = prompts

    def draw(self, start: int, stop: int) -> list[Draw]:
        """Examples number `start` to `stop`."""
        return [Draw(0, number, 0) for number in range(start, min(stop, len(self.all)))]

    def redraw(self, number: int, attempt: int) -> Draw:
        """The same example: one that is too long stays out."""
        return Draw(0, number, attempt)

    def write(self, draws: Sequence[Draw], encoder: Encoder | None = None) -> list[Prompt | None]:
        """The prompts of the draws."""
        return [self.all[draw.position] for draw in draws]


def speed(options: argparse.Namespace) -> None:
    """Tokens per second of preparation."""
    import os

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from openflan.model.encoder import encoder_for
    from openflan.model.load import load_tokenizer

    count = options.examples[0]
    prompts = sample_mixture().prompts(0, count)
    encoder = encoder_for(options.tokenizer, Format(input_length=ROW))
    rows = [ours("openflan", encoder, prompts), trl("TRL", load_tokenizer(options.tokenizer), prompts)]
    fast, reason = accelerate(encoder, [prompt.input for prompt in prompts[:500]])
    if reason is None:
        rows.append(ours("openflan, gigatoken", fast, prompts))
    compare(rows)
    if reason is not None:
        print(f"{options.tokenizer}: {reason}; trying a byte-level BPE trained on these prompts")
        tokenizer = byte_level_bpe(prompts)
        encoder = encoder_for(tokenizer, Format(input_length=ROW))
        fast, reason = accelerate(encoder, [prompt.input for prompt in prompts[:500]])
        more = [ours("openflan, own BPE", encoder, prompts), trl("TRL, own BPE", tokenizer, prompts)]
        if reason is None:
            more.append(ours("openflan, gigatoken, own BPE", fast, prompts))
        rows += compare(more)
    write_results(
        "prepare_speed", rows, ["pipeline", "tokens/s", "ratio", "examples/s", "fill"], {"examples": count, "row": ROW}
    )


def compare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rates relative to TRL's, the second of the rows."""
    for row in rows:
        row["ratio"] = row["tokens/s"] / rows[1]["tokens/s"]
    return rows


def ours(name: str, encoder: Encoder, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Tokenize, pack and write."""
    window = -(-len(prompts) // SHARD)
    stream = Stream(Written(prompts), encoder, ROW, window=window)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        done = prepare(stream, 1, Path(folder), workers=1)
        seconds = time.process_time() - began
    return result(name, done.filled, len(prompts), seconds, done.fill)


def trl(name: str, tokenizer: Any, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """What SFTTrainer does to its training set when it is made."""
    import torch
    from datasets import Dataset, disable_caching
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(1)
    disable_caching()
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=len(tokenizer)))
    dataset = Dataset.from_list([{"prompt": prompt.input, "completion": prompt.target} for prompt in prompts])
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(output_dir=folder, packing=True, max_length=ROW, bf16=False, use_cpu=True, report_to="none")
        began = time.process_time()
        trainer = SFTTrainer(model, config, train_dataset=dataset, processing_class=tokenizer)
        seconds = time.process_time() - began
    packed = trainer.train_dataset
    tokens = sum(map(len, packed["input_ids"]))
    return result(name, tokens, len(prompts), seconds, tokens / (len(packed) * ROW))


def result(name: str, tokens: int, examples: int, seconds: float, fill: float) -> dict[str, Any]:
    """One line of the table."""
    row = {"pipeline": name, "tokens/s": tokens / seconds, "examples/s": examples / seconds, "fill": fill}
    print(row, flush=True)
    return row


def byte_level_bpe(prompts: Sequence[Prompt]) -> Any:
    """A tokenizer with up to 49,152 entries, trained on the prompts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=49_152, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([prompt.input for prompt in prompts], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>")


def memory(options: argparse.Namespace) -> None:
    """Peak memory of preparing so many examples, each in a process of its own."""
    rows = []
    for examples in options.examples:
        command = [
            sys.executable,
            "-m",
            "benchmarks.bench_prepare",
            "one",
            "--tokenizer",
            str(options.tokenizer),
            "--examples",
            str(examples),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        tokens, seconds, peak = map(float, done.stdout.split()[-3:])
        rows.append({"examples": examples, "tokens": int(tokens), "seconds": seconds, "peak MB": peak})
        print(rows[-1], flush=True)
    for row in rows:
        row["ratio"] = row["peak MB"] / rows[0]["peak MB"]
    write_results("prepare_memory", rows, ["examples", "tokens", "seconds", "peak MB", "ratio"], {"row": ROW})


def one(options: argparse.Namespace) -> None:
    """Prepare one number of examples; prints tokens, seconds and peak memory in MB."""
    from openflan.model.encoder import encoder_for

    examples = options.examples[0]
    encoder = encoder_for(options.tokenizer, Format(input_length=ROW))
    encoder, _ = accelerate(encoder, [])
    stream = Stream(sample_mixture(), encoder, ROW)
    shards = max(1, round(examples / (SHARD * WINDOW)))

    class Enough(Exception):
        """As many examples as were asked for."""

    def stop(done: Any) -> None:
        nonlocal last
        last = done
        if done.shards == shards:
            raise Enough

    last: Any = None
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            prepare(stream, sys.maxsize, Path(folder), workers=1, on_progress=stop)
        except Enough:
            print(last.filled, time.perf_counter() - began, peak_memory())


def resume(options: argparse.Namespace) -> None:
    """Seconds to the first batch at a late step, beside the first batch of all."""
    from openflan.model.encoder import encoder_for

    stream = Stream(sample_mixture(), encoder_for(options.tokenizer, Format(input_length=ROW)), ROW)
    per_window = len(stream.rows(0))
    rows = []
    for step in (0, options.step):
        position = Position(*divmod(step * 8192 // ROW, per_window))
        began = time.perf_counter()
        next(stream.steps(8192 // ROW, position))
        rows.append({"step": step, "window": position.window, "seconds": time.perf_counter() - began})
    write_results("prepare_resume", rows, ["step", "window", "seconds"], {"row": ROW, "examples a window": WINDOW})


if __name__ == "__main__":
    main()
