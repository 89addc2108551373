"""What the training and preparation benchmarks have in common: data, models, results."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openflan.data.mixture import Mixture
from openflan.data.select import DataConfig, make_mixture, select, training_rows

RESULTS = Path(os.environ.get("OPENFLAN_BENCH_RESULTS") or Path(__file__).parent / "results")
"""Where results go: `make bench` has those of its own run in a folder that nobody wrote to before."""

SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
    "19M": {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 8, "num_attention_heads": 8},
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9},
    "360M": {"hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15},
    "1.7B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24, "num_attention_heads": 32},
}
HEADS = {"tiny": 2, "19M": 4, "135M": 3, "360M": 5, "1.7B": 32}


def sample_mixture() -> Mixture:
    """The full FLAN mixture over the bundled sample rows: all templates, endless."""
    config = DataConfig(missing="skip")
    return make_mixture(config, training_rows(config, select(config).train))


def llama(shape: str, vocabulary: int, seed: int = 0) -> Any:
    """A randomly initialised Llama of a named shape with tied embeddings, in float32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    settings = {**SHAPES[shape], "num_key_value_heads": HEADS[shape], "vocab_size": vocabulary}
    return LlamaForCausalLM(LlamaConfig(**settings, tie_word_embeddings=True, max_position_embeddings=2048))


def run(*command: str) -> tuple[float, float]:
    """Run a command, quietly; returns the seconds it took and the most memory it held, in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - began, used.ru_maxrss / 1024


def peak_memory() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_results(name: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], facts: dict[str, Any]) -> None:
    """Print a table and write it, with what it was measured on, to results/NAME.json."""
    import torch
    import transformers

    widths = [max(len(column), *(len(_text(row.get(column))) for row in rows)) for column in columns]
    for line in [dict(zip(columns, columns, strict=True)), *rows]:
        print("  ".join(_text(line.get(column)).ljust(width) for column, width in zip(columns, widths, strict=True)))
    RESULTS.mkdir(parents=True, exist_ok=True)
    machine = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **facts, "rows": list(rows)}, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {path}")


def _text(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else "" if value is None else str(value)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
