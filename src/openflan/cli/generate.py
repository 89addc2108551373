"""`openflan generate`: rows of a dataset that can be made, for a mirror."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openflan.cli.numbers import a_count
from openflan.errors import OpenflanError, UnknownNameError

_TEST_ROWS = 10_000
"""Rows of the test split, as many as a module of the authors' interpolation set has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("dataset", help="math_dataset, the one dataset whose rows can be made")
    parser.add_argument(
        "mirror", type=Path, help="the mirror's folder; the rows go into a folder of the dataset's name"
    )
    parser.add_argument("--rows", type=a_count, default=40_000, help="training rows (default: 40,000)")


def run(options: argparse.Namespace) -> None:
    """Write train.jsonl and test.jsonl; the same rows every time."""
    from openflan.cli.terminal import out
    from openflan.data.math_rows import TEST_ENTROPY, linear_equations

    if options.dataset != "math_dataset":
        raise UnknownNameError(f"no rows can be made for {options.dataset!r}; only for math_dataset")
    folder = options.mirror.expanduser() / options.dataset
    if folder.is_dir() and any(folder.iterdir()):
        raise OpenflanError(f"{folder} has files already; remove the folder to make its rows anew")
    train = linear_equations(options.rows, seed=0)
    known = {row["question"] for row in train}
    test = [row for row in linear_equations(_TEST_ROWS, 1, TEST_ENTROPY) if row["question"] not in known]
    for split, rows in (("train", train), ("test", test)):
        _write(folder / f"{split}.jsonl", rows)
        out.print(f"{folder / split}.jsonl: {len(rows):,} rows")


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    from openflan.files import write_text

    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
