"""Inspect: one task per group of prompts, in a file that needs nothing but Inspect.

Inspect's models write answers; their log-probabilities are not its to ask. So options are not ranked there: an answer
counts when it is the option, and the OPTIONS block is what tells the model to give one.
"""

from __future__ import annotations

import json
from pathlib import Path

from openflan.files import write_text
from openflan.interop.export.prompts import Asked
from openflan.interop.export.shards import write_rows

NAME = "inspect"
TASKS = "openflan_tasks.py"

REMARK = (
    "Inspect asks for written answers and ranks nothing, so its scores are not those of ranking. `exact` is a right "
    "answer to the letter after normalizing case, articles and punctuation; `f1` the words it shares with one."
)

_HEAD = '''"""Prompts of openflan as Inspect tasks: `inspect eval openflan_tasks.py --model MODEL`."""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import exact, f1
from inspect_ai.solver import generate

DATA = Path(__file__).parent / "data"


def prompts(name, max_tokens, stop):
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    samples = [
        Sample(
            input=row["question"], target=row["references"], id=number,
            metadata={key: row[key] for key in ("task", "cluster", "template_id", "licence", "source", "example_id")},
        )
        for number, row in enumerate(rows)
    ]
    config = GenerateConfig(temperature=0.0, max_tokens=max_tokens, stop_seqs=stop)
    return Task(dataset=MemoryDataset(samples, name=name), solver=generate(), scorer=[exact(), f1()], config=config)
'''


def write(folder: Path, group: Asked, max_tokens: int) -> None:
    """Write a group's rows, and add its task to the file of all."""
    write_rows([dict(row) for row in group.rows], folder / "data" / f"{group.name}.jsonl")
    place = folder / TASKS
    before = place.read_text(encoding="utf-8") if place.exists() else _HEAD
    stop = json.dumps(list(group.stop), ensure_ascii=False) if group.stop else "None"
    call = f'prompts("{group.name}", {max_tokens}, {stop})'
    write_text(place, f"{before}\n\n@task\ndef {group.name}():\n    return {call}\n")


def command(folder: Path, model: Path) -> str:
    """What runs all of it."""
    return f"inspect eval {folder / TASKS} --model hf/local -M model_path={model}"
