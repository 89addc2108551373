"""`openflan generate`: rows of a dataset that can be made, for a mirror."""

from __future__ import annotations

import argparse
from pathlib import Path

from openflan.cli.numbers import a_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("dataset", help="math_dataset, the one dataset whose rows can be made")
    parser.add_argument(
        "mirror", type=Path, help="the mirror's folder; the rows go into a folder of the dataset's name"
    )
    parser.add_argument("--rows", type=a_count, default=40_000, help="training rows (default: 40,000)")


def run(options: argparse.Namespace) -> None:
    """Write train.jsonl and test.jsonl; the same rows every time."""
    from openflan.api.catalog import make_rows
    from openflan.cli.terminal import out

    for path, rows in make_rows(options.dataset, options.mirror, options.rows).items():
        out.print(f"{path}: {rows:,} rows")
