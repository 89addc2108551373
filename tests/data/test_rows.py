"""Rows of a role: slices that never meet, carving, merging, and counts of what is left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.rows import Role, TaskRows, load_rows
from openflan.errors import MissingRowsError
from openflan.tasks.card import Card, Source
from openflan.tasks.registry import Task

ROLES: tuple[Role, ...] = ("train", "dev", "test")
LABELS = ["entailed", "open"]


class Rows:
    """A source that holds its rows in memory, by split."""

    name = "memory"

    def __init__(self, **splits: Iterable[dict[str, Any]]) -> None:
        self.tables = {split: pa.Table.from_pylist(list(rows)) for split, rows in splits.items()}

    def open(self, task: Task) -> Opened:
        return Opened(task, self.tables)


class Opened:
    origin = corpus = "memory"

    def __init__(self, task: Task, tables: dict[str, pa.Table]) -> None:
        self.task, self.tables = task, tables
        self.layout: Source = task.layouts[0]

    def splits(self) -> list[str]:
        return list(self.tables)

    def files(self) -> dict[str, list[Path]]:
        return {}

    def table(self, split: str) -> pa.Table:
        return self.tables[split]


def numbered(count: int) -> list[dict[str, Any]]:
    """Rows in label order, as some hub copies are sorted."""
    return [{"text": f"row {i}", "label": 2 * i // count} for i in range(count)]


def task(**changes: Any) -> Task:
    values = {
        "name": "toy",
        "title": "",
        "cluster": "nli",
        "licence": "",
        "citation": "",
        "metric": "accuracy",
        "sources": [{"columns": {"text": "string", "label": LABELS}}],
        "splits": {"train": "train[:-200]", "dev": "train[-200:]", "test": "validation"},
        "fields": ["text"],
        "options": {"entailed": "yes", "open": "no"},
        "answer": "{{ label }}",
        "templates": [{"input": "{{ text }}"}],
    }
    return Task(Card.model_validate(values | changes))


def texts(rows: TaskRows) -> list[str]:
    return [example.fields["text"] for example in rows]


@given(train=st.integers(3, 900), validation=st.integers(1, 50))
def test_slices_part_a_split_whatever_its_size(train: int, validation: int) -> None:
    source = Rows(train=numbered(train), validation=numbered(validation))
    parts = {role: texts(load_rows(task(), role, source)) for role in ROLES}
    assert not set(parts["train"]) & set(parts["dev"])
    assert len(parts["train"]) + len(parts["dev"]) == train
    assert len(parts["dev"]) == min(200, max(1, train // 3))
    assert len(parts["test"]) == validation


def test_a_sorted_file_is_shuffled_before_it_is_sliced() -> None:
    source = Rows(train=numbered(1000), validation=numbered(10))
    dev = load_rows(task(), "dev", source)
    assert {example.answer for example in dev} == {"yes", "no"}
    assert texts(dev) != sorted(texts(dev))


def test_the_same_rows_come_in_the_same_order_every_time() -> None:
    source = Rows(train=numbered(300), validation=numbered(10))
    first, second = (load_rows(task(), "train", source) for _ in range(2))
    assert texts(first) == texts(second)
    assert first.fingerprint == second.fingerprint


def test_fingerprint_follows_rows_and_card() -> None:
    source = Rows(train=numbered(30), validation=numbered(10))
    changed = Rows(train=[{**row, "text": row["text"] + "!"} for row in numbered(30)], validation=numbered(10))
    prints = {
        load_rows(task(), "train", source).fingerprint,
        load_rows(task(), "dev", source).fingerprint,
        load_rows(task(), "train", changed).fingerprint,
        load_rows(task(templates=[{"input": "other {{ text }}"}]), "train", source).fingerprint,
    }
    assert len(prints) == 4


def test_limit_takes_the_first_of_the_shuffled_training_rows() -> None:
    source = Rows(train=numbered(300), validation=numbered(50))
    assert texts(load_rows(task(), "train", source, limit=40)) == texts(load_rows(task(), "train", source))[:40]
    assert len(load_rows(task(), "test", source, limit=40)) == 50


@pytest.mark.parametrize("present", [["train"], ["validation"], ["train", "validation"]])
@pytest.mark.parametrize("rows", [12, 90, 700])
@pytest.mark.parametrize(
    "splits",
    [
        {"train": "train[:-200]", "dev": "train[-200:]", "test": "validation"},
        {"train": "train", "dev": "validation[:200]", "test": "test"},
        {"train": "train[:-1200]", "dev": "train[-1200:-1000]", "test": "train[-1000:]"},
    ],
)
def test_carved_roles_never_meet(present: list[str], rows: int, splits: dict[str, str]) -> None:
    source = Rows(**{name: [{**row, "text": f"{name} {row['text']}"} for row in numbered(rows)] for name in present})
    if not any(part.split("[")[0] in present for part in splits.values()):
        with pytest.raises(MissingRowsError):
            load_rows(task(splits=splits), "train", source, carve=True)
        return
    parts = {role: texts(load_rows(task(splits=splits), role, source, carve=True)) for role in ROLES}
    assert all(parts.values())
    everything = [text for part in parts.values() for text in part]
    assert len(set(everything)) == len(everything)


def test_missing_split_says_what_there_is_and_what_to_do() -> None:
    source = Rows(train=numbered(300))
    with pytest.raises(MissingRowsError, match=r"no split 'validation' for test \(found train\); data\.carve: true"):
        load_rows(task(), "test", source)
    with pytest.raises(MissingRowsError, match="toy has no dev rows by its card"):
        load_rows(task(splits={"test": "train"}), "dev", source)


def test_rows_that_make_no_example_are_counted_by_reason() -> None:
    rows = [*numbered(20), {"text": "", "label": 0}, {"text": "x", "label": -1}, {"text": None, "label": 0}]
    changes = {"splits": {"test": "test"}, "skip": {"no text": "{{ not text }}"}}
    loaded = load_rows(task(**changes), "test", Rows(test=rows))
    assert len(loaded) == 20
    assert loaded.skipped == {"no text": 1, "label: label -1": 1, "text: null": 1}


def test_no_usable_row_is_an_error_with_the_reasons() -> None:
    source = Rows(test=[{"text": "x", "label": -1}] * 3)
    with pytest.raises(MissingRowsError, match=r"no usable test rows in memory \(label: label -1: 3\)"):
        load_rows(task(splits={"test": "test"}), "test", source)


def test_merged_rows_are_one_example_with_all_references() -> None:
    rows = [{"key": i % 4, "text": f"key {i % 4}", "target": f"target {i}"} for i in range(12)]
    changes = {
        "sources": [{"columns": {"key": "int", "text": "string", "target": "string"}}],
        "splits": {"train": "train", "test": "test"},
        "merge": "key",
        "options": None,
        "answer": "{{ target }}",
    }
    source = Rows(train=rows, test=rows)
    merged = load_rows(task(**changes), "test", source)
    assert len(merged) == 4
    for example in merged:
        key = int(example.fields["text"].split()[1])
        assert example.answer == example.references[0]
        assert set(example.references) == {f"target {i}" for i in range(key, 12, 4)}
    assert len(load_rows(task(**changes), "train", source)) == 12


def test_examples_can_be_read_in_any_order() -> None:
    rows = load_rows(task(), "train", Rows(train=numbered(300), validation=numbered(9)))
    whole = list(rows)
    assert rows.examples([5, 0, 5, 99]) == [whole[5], whole[0], whole[5], whole[99]]
    assert [example.row for example in whole] == rows.positions.tolist()


def test_expanded_rows_are_dealt_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from openflan.data import splits as module

    monkeypatch.setattr(
        module, "function", lambda name: lambda row: [{**row, "text": word} for word in row["text"].split()]
    )
    loaded = load_rows(task(splits={"test": "test"}, expand="words"), "test", Rows(test=numbered(10)))
    assert len(loaded) == 20
    assert sorted(texts(loaded)) == sorted(["row"] * 10 + [str(i) for i in range(10)])


def passages(count: int, questions: int, first: int = 0) -> list[dict[str, Any]]:
    """Questions on passages, `questions` on each."""
    return [{"passage": f"p{first + i // questions}", "text": f"q{i}", "label": i % 2} for i in range(count)]


PASSAGES = {
    "sources": [{"columns": {"passage": "string", "text": "string", "label": LABELS}}],
    "fields": ["passage", "text"],
    "unit": "{{ passage }}",
}


@pytest.mark.parametrize("questions", [1, 2, 7, 30])
@pytest.mark.parametrize("carve", [False, True])
def test_no_passage_is_on_both_sides_of_a_cut(questions: int, carve: bool) -> None:
    splits = {"train": "train[:-40]", "dev": "train[-40:]", "test": "validation" if carve else "test"}
    source = Rows(train=passages(300, questions), test=passages(30, 3, first=1000))
    parts = {role: load_rows(task(**PASSAGES, splits=splits), role, source, carve=carve) for role in ROLES}
    seen = {role: {example.fields["passage"] for example in rows} for role, rows in parts.items()}
    assert all(len(rows) for rows in parts.values())
    assert not seen["train"] & seen["dev"] | seen["train"] & seen["test"] | seen["dev"] & seen["test"]
    assert abs(len(parts["dev"]) - 40) <= questions


def test_training_rows_whose_passage_is_measured_on_are_left_out_and_counted() -> None:
    source = Rows(train=passages(60, 3), validation=passages(9, 3, first=18), test=passages(9, 3, first=19))
    splits = {"train": "train", "dev": "validation", "test": "test"}
    parts = {role: load_rows(task(**PASSAGES, splits=splits), role, source) for role in ROLES}
    assert {role: len(rows) for role, rows in parts.items()} == {"train": 54, "dev": 3, "test": 9}
    assert parts["train"].skipped == {"unit stands in another split": 6}
    assert parts["dev"].skipped == {"unit stands in another split": 6}
    assert not parts["test"].skipped


def test_rows_of_one_passage_are_not_neighbours() -> None:
    rows = load_rows(task(**PASSAGES, splits={"test": "test[:200]"}), "test", Rows(test=passages(400, 20)))
    order = [example.fields["passage"] for example in rows]
    assert sum(one == other for one, other in itertools.pairwise(order)) < 40
