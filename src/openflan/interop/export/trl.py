"""TRL's `SFTTrainer`: prompt and completion, and the token ids and mask of training, which it takes as they are."""

from __future__ import annotations

from openflan.interop.export.target import Job, Target, as_yaml


def _config(job: Job) -> dict[str, str]:
    train = job.recipe.train
    values = {
        "model_name_or_path": str(job.model),
        "dataset_name": str(job.data),
        "output_dir": str(job.folder / "model"),
        "num_train_epochs": 1,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": train.rows_per_step,
        "max_length": train.row_length,
        "completion_only_loss": True,
        "train_sampling_strategy": "sequential",
        "learning_rate": train.lr,
        "lr_scheduler_type": train.schedule,
        "warmup_steps": train.warmup_steps,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.clip,
        "seed": train.seed,
        "bf16": train.dtype == "bfloat16",
        "report_to": "none",
    }
    return {"trl.yaml": as_yaml(values)}


TRL = Target(
    name="trl",
    row=lambda one: one.pick("prompt", "completion", "input_ids", "completion_mask"),
    files=_config,
    command=lambda job: f"trl sft --config {job.folder / 'trl.yaml'}",
    remark="The labels are openflan's, token by token: `input_ids` and `completion_mask` are taken as they are. For a "
    "model with another tokenizer remove both columns; TRL then tokenizes `prompt` and `completion`.",
)
