"""A corpus of any size as units of work, and each unit as blocks of normalised text.

| files | a text ends |
|---|---|
| `.txt`, `.text`, `.md` | with the file: lines may break anywhere |
| `.jsonl`, `.ndjson` | with each string of a row, at any depth |
| `.parquet` | with each string of a row, at any depth |

Text and JSON lines may be compressed (`.gz`, `.zst`). A file that is not is cut into ranges, so that one large file
keeps all workers busy.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from openflan.contamination.words import APART, LONGEST, Words, normalise, plain
from openflan.errors import OpenflanError

RANGE = 64 << 20
"""Bytes of a file in a unit of work."""

BLOCK = 256 << 10
"""Bytes of text looked at together: small enough for a processor's cache."""

_LONGEST_WORD = 64
"""Blocks without white space that are read on as one text; more than that are no words, and are cut anywhere."""

_TEXT, _ROWS = (".txt", ".text", ".md"), (".jsonl", ".ndjson")
_COMPRESSED = (".gz", ".zst")
_SPACES = (b" ", b"\n", b"\t", b"\r")


class CorpusError(OpenflanError):
    """A corpus that is not there, or that cannot be read."""


class Unit(NamedTuple):
    """A part of a corpus: the texts of a file that begin at bytes `begin` to `end`; of Parquet, its row groups."""

    path: str
    begin: int
    end: int
    key: str
    size: int


@dataclass(frozen=True)
class Block:
    """Normalised text, and where it stands: at a byte of its file (decompressed), or the rows of its texts."""

    words: Words
    byte: int
    rows: Sequence[int] = ()

    def where(self, place: int) -> int:
        """The row, or about the byte, of word number `place`."""
        if not self.rows:
            return self.byte + int(self.words.starts[place])
        return self.rows[self.words.data.count(APART, 0, int(self.words.starts[place]))]


class Unread(NamedTuple):
    """A row that could not be read, by its byte, and why."""

    byte: int
    reason: str


def units_of(paths: Iterable[str | Path]) -> list[Unit]:
    """The files, and the files of the folders, in an order of their own; raises `CorpusError`."""
    units: list[Unit] = []
    for path in map(Path, paths):
        if not path.exists():
            raise CorpusError(f"no corpus at {path}")
        files = sorted(one for one in path.rglob("*") if one.is_file() and _kind(one)) if path.is_dir() else [path]
        if not files:
            raise CorpusError(f"{path} holds no .txt, .jsonl or .parquet files (.gz and .zst are read too)")
        for file in files:
            units += _cut(file)
    return units


def blocks(unit: Unit, fields: Sequence[str] = ()) -> Iterator[Block | Unread]:
    """The text of a unit; of rows, only these fields where any are named. Raises `CorpusError` for a damaged file."""
    path = Path(unit.path)
    kind = _kind(path)
    try:
        if kind == ".parquet":
            yield from in_blocks(_parquet_texts(unit, fields))
        elif kind in _ROWS:
            with _opened(path) as file:
                yield from in_blocks(_row_texts(file, unit, fields))
        else:
            with _opened(path) as file:
                yield from _text_blocks(file, unit)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise CorpusError(f"{path} cannot be read: {str(error).splitlines()[0]}; get the file again") from None


def in_blocks(texts: Iterable[tuple[int, str] | Unread]) -> Iterator[Block | Unread]:
    """Texts, each with its row, some together; no n-gram runs from one into the next."""
    held: list[bytes] = []
    rows: list[int] = []
    size = 0
    for text in texts:
        if isinstance(text, Unread):
            yield text
            continue
        held.append(plain(text[1].encode("utf-8", "replace")))
        rows.append(text[0])
        size += len(held[-1])
        if size >= BLOCK:
            yield Block(Words.of(normalise(APART.join(held))), 0, rows)
            held, rows, size = [], [], 0
    if held:
        yield Block(Words.of(normalise(APART.join(held))), 0, rows)


def _kind(path: Path) -> str:
    """What a file's name says that it holds; nothing where that is not known."""
    suffix = path.with_suffix("").suffix if path.suffix in _COMPRESSED else path.suffix
    known = (*_TEXT, *_ROWS) if path.suffix in _COMPRESSED else (*_TEXT, *_ROWS, ".parquet")
    return suffix if suffix in known and not path.name.startswith(".") else ""


def _cut(path: Path) -> Iterator[Unit]:
    if not _kind(path):
        raise CorpusError(f"{path}: what kind of file is it? Known are .txt, .jsonl and .parquet (and .gz, .zst)")
    state = path.stat()

    def unit(begin: int, end: int, size: int) -> Unit:
        key = f"{path.resolve()} {state.st_size} {state.st_mtime_ns} {begin} {end}"
        return Unit(str(path), begin, end, key, size)

    if path.suffix == ".parquet":
        try:
            groups = pq.ParquetFile(path).metadata.num_row_groups
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(f"{path} cannot be read: {str(error).splitlines()[0]}; get the file again") from None
        step = max(1, RANGE * groups // max(1, state.st_size))
        yield from (unit(at, min(at + step, groups), state.st_size * step // groups) for at in range(0, groups, step))
    elif path.suffix in _COMPRESSED:
        yield unit(0, -1, state.st_size)
    else:
        for begin in range(0, state.st_size, RANGE):
            end = min(begin + RANGE, state.st_size)
            yield unit(begin, end, end - begin)


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    if path.suffix == ".zst":
        return cast("IO[bytes]", io.BufferedReader(pa.input_stream(str(path), compression="zstd"), BLOCK))
    return path.open("rb", buffering=BLOCK)


def _text_blocks(file: IO[bytes], unit: Unit) -> Iterator[Block]:
    """The words that begin in a range, and as many after it as an n-gram may reach; blocks overlap by as many."""
    kept, beyond = b"", 0
    for at, raw in _pieces(file, unit.begin):
        words = Words.of(kept + b" " + normalise(plain(raw)))
        yield Block(words, at - len(kept))
        if 0 <= unit.end <= at:
            beyond += len(Words.of(normalise(raw)))
            if beyond >= LONGEST - 1:
                return
        kept = words.data[words.starts[-(LONGEST - 1)] :] if len(words) >= LONGEST else words.data


def _pieces(file: IO[bytes], begin: int) -> Iterator[tuple[int, bytes]]:
    """Text from a byte on, cut at white space, and where each piece begins; a word that began before is left out."""
    at, rest, is_first = max(0, begin - 1), b"", begin > 0
    if is_first:
        file.seek(at)
    while True:
        read = file.read(BLOCK)
        rest += read
        cut = _last_space(rest) if read else len(rest)
        if not cut and len(rest) > _LONGEST_WORD * BLOCK:
            cut = len(rest)
        if read and not cut:
            continue
        skipped = _first_space(rest[:cut]) if is_first else 0
        yield at + skipped, rest[skipped:cut]
        at, rest, is_first = at + cut, rest[cut:], False
        if not read:
            return


def _last_space(text: bytes) -> int:
    """Where the last word begins that may go on."""
    return max(text.rfind(space) for space in _SPACES) + 1


def _first_space(text: bytes) -> int:
    """Where the first white space is; the end where there is none."""
    return min((place for space in _SPACES if (place := text.find(space)) >= 0), default=len(text))


def _row_texts(file: IO[bytes], unit: Unit, fields: Sequence[str]) -> Iterator[tuple[int, str] | Unread]:
    """The texts of the JSON lines that begin in a range."""
    at = unit.begin
    if at:
        file.seek(at - 1)
        at += len(file.readline()) - 1
    while unit.end < 0 or at < unit.end:
        line = file.readline()
        if not line:
            return
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Unread(at, f"no JSON: {error}")
            else:
                yield from ((at, text) for text in _texts(row, fields))
        at += len(line)


def _parquet_texts(unit: Unit, fields: Sequence[str]) -> Iterator[tuple[int, str]]:
    with pq.ParquetFile(unit.path) as file:
        columns = [name for name in file.schema_arrow.names if not fields or name in fields]
        groups = range(unit.begin, unit.end)
        row = sum(file.metadata.row_group(group).num_rows for group in range(unit.begin))
        for batch in file.iter_batches(1024, row_groups=list(groups), columns=columns, use_threads=False):
            for values in batch.to_pylist():
                yield from ((row, text) for text in _texts(values, ()))
                row += 1


def _texts(value: Any, fields: Sequence[str]) -> Iterator[str]:
    """All strings in a row, at any depth, or those of some of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not fields or name in fields:
                yield from _texts(inner, ())
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, ())
