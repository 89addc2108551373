"""torchtune's `instruct_dataset`: a prompt and an answer, which the model's own tokenizer joins."""

from __future__ import annotations

from typing import Any

from openflan.interop.export.examples import Exported
from openflan.interop.export.target import Job, Target, as_yaml


def _row(one: Exported) -> dict[str, Any]:
    return {"input": one.columns["input"], "output": one.columns["target"], **one.provenance}


def _dataset(job: Job) -> dict[str, Any]:
    return {
        "_component_": "torchtune.datasets.instruct_dataset",
        "source": "json",
        "data_dir": str(job.data),
        "split": "train",
        "column_map": {"input": "input", "output": "output"},
        "train_on_input": False,
        "packed": False,
    }


def _command(job: Job) -> str:
    values = {f"dataset.{key}": value for key, value in _dataset(job).items() if key != "column_map"}
    settings = " ".join(f"{key}={value}" for key, value in values.items())
    return f"tune run full_finetune_single_device --config CONFIG {settings} shuffle=False epochs=1"


TORCHTUNE = Target(
    name="torchtune",
    row=_row,
    files=lambda job: {"dataset.yaml": as_yaml({"dataset": _dataset(job), "shuffle": False, "epochs": 1})},
    command=_command,
    remark="CONFIG is torchtune's configuration of your model (`tune ls` lists them). Its tokenizer joins prompt and "
    "answer in the model's own way, so the tokens between them are not openflan's; the loss is on the answer.",
)
