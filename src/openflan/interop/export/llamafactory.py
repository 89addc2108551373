"""LLaMA-Factory's alpaca layout with its `empty` template, which puts nothing around prompt and answer."""

from __future__ import annotations

import json
from typing import Any

from openflan.interop.export.examples import Exported
from openflan.interop.export.target import Job, Target, as_yaml


def _row(one: Exported) -> dict[str, Any]:
    # An `input` would be put below the instruction, so the whole prompt is the instruction.
    read = one.opening + one.columns["prompt"]
    return {"instruction": read, "input": "", "output": one.columns["completion"], **one.provenance}


def _config(job: Job) -> dict[str, str]:
    train = job.recipe.train
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    info = {job.name: {"file_name": "data", "formatting": "alpaca", "columns": columns}}
    values = {
        "model_name_or_path": str(job.model),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full",
        "dataset_dir": str(job.folder),
        "dataset": job.name,
        "template": "empty",
        "disable_shuffling": True,
        "cutoff_len": train.row_length,
        "output_dir": str(job.folder / "model"),
        "num_train_epochs": 1,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": train.rows_per_step,
        "learning_rate": train.lr,
        "lr_scheduler_type": train.schedule,
        "warmup_steps": train.warmup_steps,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.clip,
        "seed": train.seed,
        "report_to": "none",
    }
    return {
        "dataset_info.json": json.dumps(info, indent=2) + "\n",
        "llamafactory.yaml": as_yaml(values),
    }


LLAMAFACTORY = Target(
    name="llamafactory",
    row=_row,
    files=_config,
    command=lambda job: f"llamafactory-cli train {job.folder / 'llamafactory.yaml'}",
    remark="Prompt and answer are tokenized apart; the template `empty` adds no text and no end token, which the "
    "completion has already.",
)
