"""Examples streamed to shards, each written whole and renamed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from openflan.files import replacing

SHARD_ROWS = 10_000
"""Examples in a shard: some ten megabytes, which is all that stands in memory."""


def write_shards(
    rows: Iterable[dict[str, Any]], folder: Path, kind: Literal["jsonl", "parquet"], size: int = SHARD_ROWS
) -> list[Path]:
    """Write rows to `train-00000.jsonl`, … (or `.parquet`) of at most `size` rows; returns the paths."""
    written: list[Path] = []
    for number, some in enumerate(chunks(rows, size)):
        path = folder / f"train-{number:05}.{kind}"
        write_rows(some, path)
        written.append(path)
    return written


def write_rows(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows to one file, whole; its ending says how."""
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), temporary)
        else:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def chunks(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Lists of at most `size` rows."""
    left = iter(rows)
    while some := list(islice(left, size)):
        yield some
