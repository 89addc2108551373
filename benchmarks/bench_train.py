"""Training speed against TRL, packed, on the same examples with the same model, one after the other in one run.

    python -m benchmarks.bench_train --shapes 19M 135M --steps 3

Both sides train all weights in float32 with fused AdamW on rows of 512 tokens, 2,048 positions a step. TRL runs with
its defaults (activation checkpointing on) and without checkpointing; the ratio is to the faster of the two. Reported is
real tokens per second of process CPU time (on a GPU: of wall-clock time), without the first step. `--device cuda`
measures a GPU: there the rows are of 2,048 tokens, 65,536 positions a step, in bfloat16, and peak memory is reported.

MFU is our share of `--peak` (FLOP/s): 6 FLOPs per token and weight of the layers, and 6 per weight of the vocabulary
only for the labelled tokens, which are all that is projected. Attention is not counted, so the figure errs low.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.shared import SHAPES, llama, sample_mixture, write_results
from openflan.data.encode import Format
from openflan.data.prepared import PreparedStream, prepare
from openflan.data.stream import Stream
from openflan.model.default import small_model
from openflan.model.encoder import encoder_for
from openflan.model.load import load_tokenizer
from openflan.training.config import TrainConfig
from openflan.training.loop import train

WINDOW = 1024


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, help="a model folder (default: the small model)")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["19M"])
    parser.add_argument("--steps", type=int, default=3, help="timed steps")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", type=float, help="the device's FLOP/s, for MFU (989e12: bfloat16 on an H100 or H200)")
    parser.add_argument("--no-peer", action="store_true", help="leave TRL out")
    parser.add_argument("--compile", action="store_true", help="compile our layers")
    parser.add_argument("--name", default="train")
    options = parser.parse_args()
    options.tokenizer = options.tokenizer or small_model()
    torch.set_num_threads(options.threads)
    rows = []
    for shape in options.shapes:
        ours = [ours_on(shape, options, compiled) for compiled in ([False, True] if options.compile else [False])]
        peers = () if options.no_peer else (True, False)
        theirs = [trl_on(shape, options, checkpointing) for checkpointing in peers]
        best = max((row["tokens/s"] for row in theirs), default=float("nan"))
        rows += [{**row, "ratio": row["tokens/s"] / best} for row in ours + theirs]
    facts = {"timed steps": options.steps, "threads": options.threads, "device": options.device}
    write_results(options.name, rows, ["shape", "trainer", "tokens/s", "ratio", "MFU", "fill", "peak GPU MB"], facts)


def sizes(device: str) -> tuple[int, int]:
    """Row length and positions in a step."""
    return (512, 2048) if device == "cpu" else (2048, 65536)


def ours_on(shape: str, options: argparse.Namespace, compiled: bool) -> dict[str, Any]:
    """Tokens per second of `openflan.training`."""
    row_length, positions = sizes(options.device)
    encoder = encoder_for(options.tokenizer, Format(input_length=row_length))
    stream = Stream(sample_mixture(), encoder, row_length, window=WINDOW)
    # Steps after the first, as for TRL; compiling takes two more.
    warm = 3 if compiled else 1
    config = TrainConfig(
        steps=options.steps + warm,
        tokens_per_step=positions,
        row_length=row_length,
        compile=compiled,
        checkpoint_every=0,
        accumulate=1 if options.device == "cpu" else 4,
    )
    clock = Clock(options.device, warm)
    model = llama(shape, vocabulary_of(options.tokenizer)).to(options.device)
    with tempfile.TemporaryDirectory() as folder:
        # TRL prepares its data before the first step, so ours are prepared too.
        prepare(stream, (options.steps + warm) * positions // row_length, Path(folder) / "prepared", workers=1)
        rows = PreparedStream(stream, Path(folder) / "prepared")
        run = Path(folder) / "run"
        train(model, rows, config, run, on_progress=lambda now: clock.tick(), say=lambda line: None)
    window = stream.rows(0)
    fill = window.filled / window.tokens.size
    name = "openflan, compiled" if compiled else "openflan"
    row = clock.row(shape, name, options.steps * positions * fill, fill)
    if options.peak:
        row["MFU"] = row["tokens/s"] * flops_per_token(model, window.targets / window.filled) / options.peak
    return row


def flops_per_token(model: Any, labelled: float) -> float:
    """Forward and backward matrix products of a token, `labelled` of which go through the vocabulary."""
    head = model.lm_head.weight.numel()
    body = sum(weight.numel() for weight in model.parameters()) - head
    return 6.0 * (body + labelled * head)


def trl_on(shape: str, options: argparse.Namespace, checkpointing: bool) -> dict[str, Any]:
    """Tokens per second of TRL's SFTTrainer with packing."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    row_length, positions = sizes(options.device)
    per_part = positions // row_length // (1 if options.device == "cpu" else 4)
    prompts = sample_mixture().prompts(0, max(WINDOW, options.steps * positions // 50))
    dataset = Dataset.from_list([{"prompt": prompt.input, "completion": prompt.target} for prompt in prompts])
    clock = Clock(options.device, 1)

    class Timer(TrainerCallback):
        """Tells the clock of every step."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            """Count a step."""
            clock.tick()

    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            max_steps=options.steps + 1,
            per_device_train_batch_size=per_part,
            gradient_accumulation_steps=positions // row_length // per_part,
            packing=True,
            max_length=row_length,
            gradient_checkpointing=checkpointing,
            learning_rate=3e-5,
            bf16=options.device != "cpu",
            use_cpu=options.device == "cpu",
            save_strategy="no",
            logging_steps=1000,
            report_to="none",
            disable_tqdm=True,
        )
        model = llama(shape, vocabulary_of(options.tokenizer)).to(options.device)
        tokenizer = load_tokenizer(options.tokenizer)
        trainer = SFTTrainer(model, config, train_dataset=dataset, processing_class=tokenizer, callbacks=[Timer()])
        packed = trainer.train_dataset
        fill = sum(map(len, packed["input_ids"])) / (len(packed) * row_length)
        trainer.train()
    name = "TRL packed" if checkpointing else "TRL packed, no checkpointing"
    return clock.row(shape, name, options.steps * positions * fill, fill)


class Clock:
    """Times the steps after the first `warm`: CPU time of the process, or on a GPU wall-clock time."""

    def __init__(self, device: str, warm: int) -> None:
        self.device, self.warm, self.ticks = device, warm, 0
        gc.collect()
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats()

    def tick(self) -> None:
        """Count a step that has ended."""
        self.ticks += 1
        if self.device != "cpu":
            torch.cuda.synchronize()
        self.now = time.process_time() if self.device == "cpu" else time.perf_counter()
        if self.ticks == self.warm:
            self.start = self.now

    def row(self, shape: str, trainer: str, tokens: float, fill: float) -> dict[str, Any]:
        """The result of one trainer that has taken `tokens` real tokens in the timed steps."""
        row = {"shape": shape, "trainer": trainer, "tokens/s": tokens / (self.now - self.start), "fill": fill}
        if self.device != "cpu":
            row["peak GPU MB"] = torch.cuda.max_memory_allocated() / 2**20
        print(row, flush=True)
        return row


def vocabulary_of(tokenizer: Path) -> int:
    """Entries in the vocabulary, rounded up to a multiple of 64 as models have them."""
    return -(-len(load_tokenizer(tokenizer)) // 64) * 64


if __name__ == "__main__":
    main()
