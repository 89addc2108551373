"""Parquet shards with every column, for a tool of one's own."""

from __future__ import annotations

from openflan.interop.export.target import Target

COLUMNS = ("prompt", "completion", "input", "target", "input_ids", "completion_mask")

PARQUET = Target(
    name="parquet",
    row=lambda one: one.pick(*COLUMNS),
    files=lambda job: {},
    command=lambda job: f"python -c \"import datasets; print(datasets.load_dataset('{job.data}'))\"",
    remark="`input_ids` where `completion_mask` is 1 are the labels of training.",
    kind="parquet",
)
