"""axolotl's `input_output`: two segments of text, the second of them labelled, with no template between them."""

from __future__ import annotations

from typing import Any

from openflan.interop.export.examples import Exported
from openflan.interop.export.target import Job, Target, as_yaml


def _row(one: Exported) -> dict[str, Any]:
    read, labelled = one.opening + one.columns["prompt"], one.columns["completion"]
    return {"segments": [{"label": False, "text": read}, {"label": True, "text": labelled}], **one.provenance}


def _config(job: Job) -> dict[str, str]:
    train = job.recipe.train
    values = {
        "base_model": str(job.model),
        "datasets": [{"path": str(job.data), "ds_type": "json", "type": "input_output"}],
        "shuffle_merged_datasets": False,
        "train_on_inputs": False,
        "dataset_prepared_path": str(job.folder / "prepared"),
        "output_dir": str(job.folder / "model"),
        "sequence_len": train.row_length,
        "sample_packing": True,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": train.rows_per_step,
        "num_epochs": 1,
        "optimizer": "adamw_torch" if train.optimizer == "adamw" else train.optimizer,
        "learning_rate": train.lr,
        "lr_scheduler": train.schedule,
        "warmup_steps": train.warmup_steps,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.clip,
        "bf16": "auto",
        "seed": train.seed,
    }
    return {"axolotl.yaml": as_yaml(values)}


AXOLOTL = Target(
    name="axolotl",
    row=_row,
    files=_config,
    command=lambda job: f"axolotl train {job.folder / 'axolotl.yaml'}",
    remark="Each segment is tokenized apart and nothing is put between or around them: with the `eos` join the labels "
    "are openflan's; with another join they are, unless a token would straddle the place where answers begin.",
)
