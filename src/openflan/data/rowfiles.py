"""Split files that hold rows as text (JSON lines, JSON, CSV, TSV, compressed or not) as tables of a card's columns.

Such files have no types of their own, so every value is read as the card's column says. A value that cannot be read
costs its row, which is counted in the table's metadata (`left_out`); columns that no card reads cost nothing.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from openflan.errors import SchemaError
from openflan.tasks.schema import ColumnType, NoGoldLabel, WrongValue, label_id

RawRows = Sequence[Mapping[str, Any]]

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""How a file's name ends when it is compressed."""

KINDS = (".jsonl", ".json", ".csv", ".tsv")
"""How the names of files with rows as text end, before any of `COMPRESSIONS`."""

_SCALARS = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
_LEFT_OUT = b"openflan.left_out"
_EXTRA = "\0"
"""The key under which the CSV reader leaves cells without a heading."""


def read_rows(path: Path) -> RawRows:
    """The rows of a file as they stand in it, a CSV's values as text; raises `SchemaError` naming file and line."""
    kind = next(suffix for suffix in reversed(path.suffixes) if suffix in KINDS)
    text = _text(path)
    if kind in (".csv", ".tsv"):
        return _csv_rows(text, "\t" if kind == ".tsv" else _separator(text), path)
    if kind == ".json" and text.lstrip().startswith("["):
        return _array_rows(text, path)
    # Only a line feed ends a row: a JSON string may hold other line separators, such as U+2028, as they are.
    lines = enumerate(text.split("\n"), start=1)
    return [_object(_parsed(line, path, number), f"{path}:{number}") for number, line in lines if line.strip()]


def rows_table(rows: RawRows, columns: Mapping[str, ColumnType]) -> pa.Table:
    """The card's columns of the rows that have a readable value, or none, in each."""
    faults = {number: "more cells than headings" for number, row in enumerate(rows) if _EXTRA in row}
    cells = {name: _cells(name, kind, rows, faults) for name, kind in columns.items()}
    kept = [number for number in range(len(rows)) if number not in faults]
    arrays = {name: _array([cells[name][number] for number in kept], kind) for name, kind in columns.items()}
    counted = json.dumps(Counter(faults.values()))
    return pa.table(arrays).replace_schema_metadata({_LEFT_OUT: counted})


def left_out(table: pa.Table) -> Counter[str]:
    """The rows that a table lacks of its file, counted by reason."""
    return Counter(json.loads((table.schema.metadata or {}).get(_LEFT_OUT, b"{}")))


def row_differences(rows: RawRows, columns: Mapping[str, ColumnType]) -> list[str]:
    """What keeps rows from having a card's columns, in words: a column that is absent, or has no value of its type."""
    found = []
    for name, kind in columns.items() if rows else ():
        if kind.is_any:
            continue
        if not any(name in row for row in rows):
            found.append(f"column {name!r} ({kind}) is missing")
            continue
        values = [row[name] for row in rows if row.get(name) is not None]
        if values and not any(_fits(value, kind) for value in values):
            found.append(f"column {name!r}: expected {kind}, found {_type_name(values[0])}")
    return found


def _text(path: Path) -> str:
    try:
        with pa.input_stream(str(path), compression=COMPRESSIONS.get(path.suffix)) as stream:
            content = stream.read()
    except (pa.ArrowException, OSError) as error:
        raise SchemaError(f"{path}: not readable: {error}") from None
    try:
        return str(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SchemaError(f"{path}:{line}: not UTF-8: {error}") from None


def _parsed(text: str, path: Path, line: int) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise SchemaError(f"{path}:{line + error.lineno - 1}: not JSON: {error.msg}") from None
    except RecursionError:
        raise SchemaError(f"{path}:{line}: nested too deeply") from None


def _integer(digits: str) -> int | float:
    """An integer, as long as it can be one of a table; a longer one is no more than a number."""
    return int(digits) if len(digits) < 20 else float(digits)


def _array_rows(text: str, path: Path) -> RawRows:
    return [_object(row, f"{path}: row {number}") for number, row in enumerate(_parsed(text, path, 1), start=1)]


def _object(row: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise SchemaError(f"{where}: a row is a JSON object, this is {type(row).__name__}")
    return row


def _separator(text: str) -> str:
    """A comma, or the semicolon that spreadsheets write where the comma is the decimal point."""
    heading = text.partition("\n")[0]
    return ";" if ";" in heading and "," not in heading else ","


def _csv_rows(text: str, separator: str, path: Path) -> RawRows:
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restkey=_EXTRA, strict=True)
    try:
        headings = Counter(reader.fieldnames or ())
        if doubled := [name for name, count in headings.items() if count > 1]:
            raise SchemaError(f"{path}:1: two columns are called {doubled[0]!r}; give each a name of its own")
        return [{name: value for name, value in row.items() if value is not None} for row in reader]
    except csv.Error as error:
        raise SchemaError(f"{path}:{reader.reader.line_num}: not CSV: {error}") from None


def _cells(name: str, kind: ColumnType, rows: RawRows, faults: dict[int, str]) -> list[Any]:
    """A column's values as the card has them; None, and a reason in `faults`, where one cannot be read."""
    cells: list[Any] = []
    for number, row in enumerate(rows):
        try:
            cells.append(_cell(row.get(name), kind))
        except WrongValue:
            cells.append(None)
            faults[number] = f"{name}: wrong value"
    if not _holds(cells, kind):
        if kind.is_any and all(_holds([cell], kind) for cell in cells):
            raise SchemaError(f"column {name!r} mixes types")
        for number, cell in enumerate(cells):
            if not _holds([cell], kind):
                cells[number] = None
                faults[number] = f"{name}: wrong value"
    return cells


def _cell(value: Any, kind: ColumnType) -> Any:
    """A value in the card's terms; a label stays the name or id it is. Raises `WrongValue`."""
    if isinstance(value, str) and kind.kind != "string" and not kind.labels and not kind.is_any:
        value = _from_text(value, kind)
    if value is None or (value != value and not kind.labels):  # NaN stands for nothing
        return None
    if not kind.labels:
        return kind.read(value)
    with suppress(NoGoldLabel):  # such a row is kept, so that it is counted with all others that have no label
        kind.read(value)
    written = label_id(value, kind.labels)
    return written if isinstance(written, int | str) else None


def _from_text(text: str, kind: ColumnType) -> Any:
    """A value that a CSV can only hold as text: numbers and truth values as they are written, lists as JSON."""
    if not text.strip():
        return None
    try:
        value = json.loads(text.strip().lower() if kind.kind == "bool" else text, parse_int=_integer)
    except (ValueError, RecursionError):
        raise WrongValue(f"no {kind}") from None
    return bool(value) if kind.kind == "bool" and value in (0, 1) else value


def _array(cells: Sequence[Any], kind: ColumnType) -> pa.Array:
    if kind.is_any:
        return pa.array(cells)
    if not kind.labels:
        return pa.array(cells, _type(kind))
    if any(isinstance(cell, str) for cell in cells):
        names = dict(enumerate(kind.labels))
        return pa.array([None if cell is None else str(names.get(cell, cell)) for cell in cells], pa.string())
    return pa.array(cells, pa.int64())


def _holds(cells: Sequence[Any], kind: ColumnType) -> bool:
    """Whether a table can hold the values: no integer is too long, and no text has half a character."""
    try:
        _array(cells, kind)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        return False
    return True


def _type(kind: ColumnType) -> pa.DataType:
    if kind.item is not None:
        return pa.list_(_type(kind.item))
    if kind.keys is not None:
        return pa.struct([(key, _type(inner)) for key, inner in kind.keys.items()])
    return pa.string() if kind.labels else _SCALARS[kind.kind]


def _fits(value: Any, kind: ColumnType) -> bool:
    try:
        _cell(value, kind)
    except WrongValue:
        return False
    return True


def _type_name(value: Any) -> str:
    try:
        return str(pa.array([value]).type)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        return type(value).__name__
