"""Pack examples, and turn the rows into what a training loop of your own takes: positions and labels."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import openflan as of

IGNORED = -100
"""The label of a position that carries no loss, as PyTorch's cross entropy and transformers have it."""


def main() -> None:
    """Pack some examples and print the first row, example by example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a model folder, or the small model's name")
    parser.add_argument("--row-length", type=int, default=512, help="tokens in a row (default: 512)")
    options = parser.parse_args()

    packed = of.mixture(["nli", "commonsense"]).pack(options.model, row_length=options.row_length, examples=64)
    print(packed)
    batch = as_batch(packed.rows)
    for name, values in batch.items():
        print(f"{name}: {values.dtype}, shape {values.shape}")

    segments, labels = packed.rows.segments[0], batch["labels"][0]
    for segment in range(1, segments.max() + 1):
        (inside,) = np.nonzero(segments == segment)
        labelled = np.count_nonzero(labels[inside] != IGNORED)
        print(f"  example {segment}: positions {inside[0]} to {inside[-1]}, {labelled} of them labelled")


def as_batch(rows: Any) -> dict[str, Any]:
    """Token ids, labels, and positions that begin anew with each example.

    Attention that keeps examples of a row apart ("padding-free", "variable length") finds their borders where a
    position is 0. All arrays have the shape [rows, row length]; labels are not yet shifted, as transformers wants them.
    """
    length = rows.tokens.shape[1]
    starts = np.diff(rows.segments, axis=1, prepend=-1) != 0
    first = np.maximum.accumulate(np.where(starts, np.arange(length), 0), axis=1)
    return {
        "input_ids": rows.tokens,
        "labels": np.where(rows.labelled, rows.tokens, IGNORED),
        "position_ids": np.arange(length) - first,
    }


if __name__ == "__main__":
    main()
