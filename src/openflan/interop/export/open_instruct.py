"""Open-instruct: conversations, which its own chat templates put into text."""

from __future__ import annotations

from openflan.interop.export.target import Job, Target, messages


def _command(job: Job) -> str:
    train = job.recipe.train
    shards = " ".join(f"{path} 1.0" for path in sorted(job.data.glob("*.jsonl"))) or f"{job.data}/train-00000.jsonl 1.0"
    return (
        f"python open_instruct/finetune.py --model_name_or_path {job.model} --dataset_mixer_list {shards} "
        f"--dataset_mixer_list_splits train --chat_template_name tulu --max_seq_length {train.row_length} "
        f"--learning_rate {train.lr} --num_train_epochs 1 --output_dir {job.folder / 'model'}"
    )


OPEN_INSTRUCT = Target(
    name="open-instruct",
    row=messages,
    files=lambda job: {"finetune.sh": f"{_command(job)}\n"},
    command=_command,
    remark="The chat template is the tool's own, so the tokens around prompt and answer are not openflan's; the loss "
    "is on the answer.",
)
