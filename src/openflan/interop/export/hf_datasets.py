"""The examples of a mixture as a `datasets.Dataset`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from openflan.errors import OpenflanError
from openflan.interop.export.examples import Exported
from openflan.interop.export.parquet import PARQUET
from openflan.interop.export.shards import chunks

_AT_ONCE = 1000
"""Examples that stand as Python objects at a time; as columns they take a tenth of the memory."""


def as_dataset(examples: Iterable[Exported]) -> Any:
    """Every column of the examples (`openflan.interop.export.examples.COLUMNS`), in their order.

    Raises `OpenflanError` where the package is missing.
    """
    try:
        from datasets import Dataset
    except ModuleNotFoundError:
        raise OpenflanError("to_datasets needs the package datasets: pip install 'openflan[hub]'") from None
    tables = [pa.Table.from_pylist(some) for some in chunks(map(PARQUET.row, examples), _AT_ONCE)]
    if not tables:
        raise OpenflanError("no example of the mixture fits a row; raise row_length")
    return Dataset(pa.concat_tables(tables))
