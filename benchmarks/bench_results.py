"""What is done with scored prompts, at any number of them: summaries, a comparison, a report.

    python -m benchmarks.bench_results [--prompts 10000000] [--datasets 62]

Two models' results are made, with half of the prompts each: every dataset has ten templates, and its options are the
same for all rows or change from row to row. Each verb is a process of its own; its seconds and most memory are told.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.shared import run, write_results
from openflan.evaluation.results import SCHEMA, writing_results

MODELS = {"untuned": 0.5, "tuned": 0.7}
"""How often each is right."""

TEMPLATES = 10
PART = 32_768
"""Rows that are written at once."""

SUMMARY = """
import sys
from pathlib import Path
from openflan.evaluation.analysis.summary import summarize
from openflan.evaluation.results import read_results
for folder in sys.argv[1:]:
    summarize(read_results(Path(folder)))
"""
COLUMNS = ("verb", "prompts", "seconds", "peak MB")


def main() -> None:
    """Measure and write results/results.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=10_000_000)
    parser.add_argument("--datasets", type=int, default=62)
    parser.add_argument("--keep", type=Path, help="a folder for the results that are made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = options.keep or Path(passing)
        examples = max(options.prompts // len(MODELS) // options.datasets // TEMPLATES, 2)
        for name, skill in MODELS.items():
            if not (folder / "eval" / name / "prompts.parquet").exists():
                write(folder / "eval" / name, name, skill, options.datasets, examples)
        prompts = len(MODELS) * options.datasets * examples * TEMPLATES
        lines = [{**line, "prompts": prompts} for line in measured(folder)]
    write_results("results", lines, COLUMNS, {"datasets": options.datasets, "examples of a dataset": examples})


def measured(folder: Path) -> list[dict[str, Any]]:
    """Seconds and memory of every verb."""
    results = [str(folder / "eval" / name) for name in MODELS]
    verbs = {
        "summarize": ("-c", SUMMARY, *results),
        "compare": ("-m", "openflan", "compare", *results),
        "report": ("-m", "openflan", "report", str(folder)),
    }
    lines = []
    for name, arguments in verbs.items():
        seconds, peak = run(sys.executable, *arguments)
        lines.append({"verb": name, "seconds": seconds, "peak MB": peak})
        print(lines[-1], flush=True)
    return lines


def write(folder: Path, name: str, skill: float, datasets: int, examples: int) -> None:
    """Write one model's results, a dataset at a time."""
    with writing_results(folder, {"name": name}, {"settings": {"options": {}}}):
        pass  # an evaluation without prompts, for what a file says of itself
    path = folder / "prompts.parquet"
    schema = SCHEMA.with_metadata(pq.read_schema(path).metadata)
    chance = np.random.default_rng(len(name))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for number in range(datasets):
            rows = dataset(number, examples, chance.random(examples * TEMPLATES) < skill, chance)
            writer.write_table(rows.cast(schema), row_group_size=PART)


def dataset(number: int, examples: int, right: np.ndarray[Any, Any], chance: np.random.Generator) -> pa.Table:
    """The prompts of one dataset, template by template; `right` says which are answered rightly."""
    count = len(right)
    example = np.tile(np.arange(examples), TEMPLATES)
    gold = example % 2
    own = [f" {place}" if number % 2 else "" for place in range(examples)]  # what makes options change from row to row
    pairs = [[f"yes{mark}", f"no{mark}"] for mark in own]
    said = np.where(right, gold, 1 - gold)
    options = pa.array(pairs).take(example)
    values: dict[str, Any] = {
        "dataset": f"dataset{number:02}", "variant": "", "direction": "", "cluster": f"cluster{number % 12}",
        "metric": "accuracy", "split": "test", "setting": "options", "block": True, "group": None, "shots": 0,
        "shortened": False, "failure": None, "generated": None, "score": None,
    }  # fmt: skip
    columns: dict[str, Any] = {name: pa.array([value]).take(np.zeros(count, int)) for name, value in values.items()}
    flat = options.flatten()
    columns |= {
        "writer": [str(place // examples) for place in range(count)],
        "example": pa.array([f"{number:04x}{place:012x}" for place in range(examples)]).take(example),
        "row": example,
        "prompt": pa.array([f"Is number {place} of set {number} so?" for place in range(examples)]).take(example),
        "options": options,
        "target": flat.take(2 * np.arange(count) + gold),
        "references": pa.ListArray.from_arrays(np.arange(count + 1), flat.take(2 * np.arange(count) + gold)),
        "logprobs": pa.ListArray.from_arrays(2 * np.arange(count + 1), chance.normal(-3, 1, 2 * count)),
        "tokens": pa.ListArray.from_arrays(2 * np.arange(count + 1), np.ones(2 * count, np.int32)),
        "unconditional": pa.ListArray.from_arrays(np.zeros(count + 1, int), pa.array([], pa.float64())),
        "choice": flat.take(2 * np.arange(count) + said),
        "target_logprob": chance.normal(-3, 1, count),
        "target_tokens": np.ones(count, np.int32),
    }
    return pa.table({name: columns[name] for name in SCHEMA.names})


if __name__ == "__main__":
    main()
