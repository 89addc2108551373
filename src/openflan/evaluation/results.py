"""The scores of a run: a log that loses nothing, and one Parquet row per scored prompt.

`scores.jsonl` is written while the model works, a line per answer, under a key that is a hash of what was asked. A
killed run so loses the line it was writing at most, and one that is started again asks nothing twice, even if
templates were added or rows left out in between. `prompts.parquet` is written whole at the end; it says all there is
to know about each prompt, and can be made again from the log at no cost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from openflan.errors import OpenflanError
from openflan.files import replacing, writing
from openflan.sums import DamageError, seal, unseal

LOG = "scores.jsonl"
PROMPTS = "prompts.parquet"

BASELINE, UNTUNED, TUNED = "untuned-baseline", "untuned", "tuned"
"""What the evaluations of a run are called: the untuned model with GPT-3-style prompts, the untuned model with
instructions, and the tuned model with the same."""

SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("variant", pa.string()),
        ("direction", pa.string()),
        ("cluster", pa.string()),
        ("metric", pa.string()),
        ("split", pa.string()),
        ("setting", pa.string()),
        ("writer", pa.string()),
        ("block", pa.bool_()),
        ("example", pa.string()),
        ("row", pa.int64()),
        ("group", pa.string()),
        ("shots", pa.int32()),
        ("shortened", pa.bool_()),
        ("prompt", pa.string()),
        ("options", pa.list_(pa.string())),
        ("target", pa.string()),
        ("references", pa.list_(pa.string())),
        ("logprobs", pa.list_(pa.float64())),
        ("tokens", pa.list_(pa.int32())),
        ("unconditional", pa.list_(pa.float64())),
        ("choice", pa.string()),
        ("generated", pa.string()),
        ("target_logprob", pa.float64()),
        ("target_tokens", pa.int32()),
        ("score", pa.float64()),
        ("failure", pa.string()),
    ]
)
"""One row per prompt. `setting` and `writer` say how it was put, `block` whether it ends with the OPTIONS block, and
`example` is the identity of what was put into words, which follows from its content. `direction` is what a translation
template translates into when that is not the card's answer; `shots` are the exemplars that fitted; `shortened` inputs
had a field cut to fit; log-probabilities are sums in nats, one per option, `unconditional` those after an empty input;
`score` is the metric on this prompt alone (0 to 100; whether the answer is right where the metric only means something
on a whole set)."""

_METADATA = b"openflan"


@dataclass(frozen=True)
class _About:
    """What a results file says of itself: who gave the answers, as which plan asked for, and what there is to say."""

    identity: dict[str, Any]
    plan: dict[str, Any]
    notes: list[str]


_ABOUT = TypeAdapter(_About)


class ResultsError(OpenflanError):
    """Scores that are missing, damaged, unfinished or another model's."""


@dataclass(frozen=True)
class Results:
    """Scored prompts in a file (`SCHEMA`), with the model's identity, the plan of the evaluation, and its notes."""

    path: Path
    identity: Mapping[str, Any]
    plan: Mapping[str, Any]
    notes: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What the run is called in tables."""
        return str(self.identity.get("name") or self.path.parent.name)

    @property
    def settings(self) -> list[str]:
        """The settings that were evaluated, in order; the first is the one that findings speak of."""
        return list(self.plan.get("settings", ()))

    def table(self, *columns: str) -> pa.Table:
        """The prompts: these columns, all when none are named."""
        names = list(columns) or SCHEMA.names
        with self._opened() as file:
            return _in_schema(file.read(columns=names), names)

    def parts(self, *columns: str, which: Iterable[int] | None = None) -> Iterator[pa.Table]:
        """The same, a part of the file at a time; of the parts with these numbers where they are given."""
        with self._opened() as file:
            for number in range(file.num_row_groups) if which is None else which:
                yield _in_schema(file.read_row_group(number, columns=list(columns)), columns)

    @cached_property
    def places(self) -> list[Place]:
        """Where in the file the prompts of each dataset, split and setting stand, in order."""
        names = Place._fields[:-3]
        return [
            Place(**{name: part.column(name)[start].as_py() for name in names}, part=number, start=start, stop=stop)
            for number, part in enumerate(self.parts(*names))
            for start, stop in _runs(part)
        ]

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self.path) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


class Place(NamedTuple):
    """Prompts that stand together: what they have in common, their part of the file, and from which row to which."""

    dataset: str
    variant: str
    direction: str
    split: str
    setting: str
    cluster: str
    metric: str
    part: int
    start: int
    stop: int


def _in_schema(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The columns as `SCHEMA` has them; raises `pa.ArrowException` for values that are none of their type."""
    table = table.select(list(names)).cast(pa.schema([SCHEMA.field(name) for name in names]))
    table.validate(full=True)
    return table


def _runs(part: pa.Table) -> Iterator[tuple[int, int]]:
    """Rows that follow each other and are equal in all columns: from which to which."""
    changes = np.zeros(part.num_rows, dtype=bool)
    changes[:1] = True
    for column in part.columns:
        codes = column.combine_chunks().dictionary_encode().indices.to_numpy()
        changes[1:] |= codes[1:] != codes[:-1]
    bounds = [*np.flatnonzero(changes).tolist(), part.num_rows]
    yield from pairwise(bounds)


@contextmanager
def writing_results(
    folder: Path, identity: Mapping[str, Any], plan: Mapping[str, Any], notes: Sequence[str] = ()
) -> Iterator[Callable[[Sequence[Mapping[str, Any]]], None]]:
    """Write `prompts.parquet`, whole or not at all; yields what appends rows in the terms of `SCHEMA`."""
    about = json.dumps({"identity": dict(identity), "plan": dict(plan), "notes": list(notes)}, default=str)
    schema = SCHEMA.with_metadata({_METADATA: about.encode()})
    with replacing(folder / PROMPTS) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))


def read_results(folder: Path) -> Results:
    """The finished results in a folder; raises `ResultsError` that says what is wrong and how to mend it."""
    path, log = folder / PROMPTS, folder / LOG
    if not path.exists():
        if log.exists():
            raise ResultsError(f"the evaluation in {folder} is unfinished; start it again and it goes on from {LOG}")
        raise ResultsError(f"no evaluation in {folder} ({PROMPTS} is missing)")
    try:
        schema = pq.read_schema(path)
        about = _ABOUT.validate_json(schema.metadata[_METADATA])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if missing := [name for name in SCHEMA.names if name not in schema.names]:
        raise ResultsError(f"{path} has no column {missing[0]!r}: it was written by another version; evaluate again")
    return Results(path, about.identity, about.plan, about.notes)


def _damaged(path: Path, error: Exception) -> ResultsError:
    log = path.with_name(LOG)
    cure = f"; start the evaluation again: it is rebuilt from the scores in {LOG}" if log.exists() else ""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ResultsError(f"{path} is cut short or damaged ({reason}){cure}")


class ScoreLog:
    """Answers by key, appended to disk as they come.

    The first line says whose answers they are; opening the log of another model or format raises `ResultsError`.
    Each line carries its own sum. Damaged lines are left out, `damage` says which, and the good ones stay.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.path, self.damage = folder / LOG, ""
        self._head = json.loads(json.dumps({"openflan": 1, "identity": dict(identity)}, default=str))
        self._answers: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            self._read()
        folder.mkdir(parents=True, exist_ok=True)
        if not self._answers:
            with replacing(self.path) as temporary:
                temporary.write_text(_line(self._head), encoding="utf-8")
        self._file: IO[str] = self.path.open("a", encoding="utf-8")

    def __contains__(self, key: str) -> bool:
        return key in self._answers

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._answers[key]

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer; the operating system has it when this returns. Failures are tried again next time."""
        self._answers[key] = dict(answer)
        if "failure" in answer:
            return
        with writing(self.path):
            self._file.write(_line({"key": key, **answer}))
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with writing(self.path), self._file:
            os.fsync(self._file.fileno())

    def _read(self) -> None:
        lines = self.path.read_bytes().split(b"\n")
        good, bad = [], []
        for number, line in enumerate(lines, 1):
            entry = _entry(line)
            if number == 1:
                if entry is None or "identity" not in entry:
                    self.damage = f"the first line of {self.path} is damaged: all scores are made again"
                    return
                self._check(entry)
            elif entry is not None and "key" in entry:
                self._answers[entry.pop("key")] = entry
                good.append(line)
            elif line:
                bad.append(number)
        if bad or lines[-1]:
            where = ", ".join(map(str, bad[:3])) + (", …" if len(bad) > 3 else "")
            self.damage = f"{self.path} was damaged at line {where}: {len(good)} scores kept, the others are made again"
            with replacing(self.path) as temporary:
                temporary.write_bytes(_line(self._head).encode() + b"".join(line + b"\n" for line in good))

    def _check(self, head: Mapping[str, Any]) -> None:
        theirs, ours = head["identity"], self._head["identity"]
        # What the run is called says nothing about its scores.
        if keys := [key for key in {**ours, **theirs} if key != "name" and theirs.get(key) != ours.get(key)]:
            raise ResultsError(
                f"{self.path} holds scores of another run ("
                + ", ".join(f"{key}: {theirs.get(key)!r}, now {ours.get(key)!r}" for key in keys)
                + "); evaluate into another folder or remove it"
            )


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        return unseal(line.decode("utf-8"))
    except (UnicodeDecodeError, DamageError):
        return None


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(seal(entry), ensure_ascii=False, separators=(",", ":")) + "\n"
