"""A mirror of full size, made by repeating the rows of a small one: training rows of as many as FLAN mixes.

    python -m benchmarks.full_size --make DIR [--source ../shared/data] [--rows 1400000]
    openflan mix flan62 --source mirror:DIR --set data.missing=skip data.carve=true

Of every dataset one split, `train` where it has one, is repeated until it has its share of the rows; the others are
copied as they are.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from openflan.files import replacing

ROWS = 1_400_000
"""Training rows of the 62 datasets of the paper, each capped at 30,000 (section 2.4)."""

_REPEATED = ("train", "validation", "test")


def make(source: Path, folder: Path, rows: int) -> int:
    """Write the mirror; returns how many rows its repeated splits have. What is there already is kept."""
    datasets = [one for one in sorted(source.iterdir()) if any(one.glob("*.parquet"))]
    return sum(_repeated(dataset, folder / dataset.name, -(-rows // len(datasets))) for dataset in datasets)


def _repeated(dataset: Path, folder: Path, rows: int) -> int:
    files = {path.stem: path for path in sorted(dataset.glob("*.parquet"))}
    repeated = next(name for role in (*_REPEATED, "") for name in files if name.startswith(role))
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        if name != repeated and not (folder / path.name).exists():
            shutil.copyfile(path, folder / path.name)
    target = folder / files[repeated].name
    if not target.exists():
        _write_times(files[repeated], target, rows)
    return int(pq.read_metadata(target).num_rows)


def _write_times(path: Path, target: Path, rows: int) -> None:
    """Write a file's rows again and again, until there are so many."""
    table = pq.read_table(path)
    with replacing(target) as temporary, pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer:
        written = 0
        while table.num_rows and written < rows:
            part = table.slice(0, rows - written)
            writer.write_table(part)
            written += part.num_rows


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", type=Path, required=True, metavar="DIR", help="where the mirror goes")
    parser.add_argument("--source", type=Path, default=Path("../shared/data"), help="a mirror of Parquet files")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the repeated splits together")
    options = parser.parse_args()
    print(f"{make(options.source, options.make, options.rows):,} rows in {options.make}")


if __name__ == "__main__":
    main()
