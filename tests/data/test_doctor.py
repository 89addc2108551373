"""What the doctor says of sources that have everything, too little, or something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.data.doctor import Check, check
from openflan.data.sources import MirrorSource, parse_source
from openflan.tasks.registry import Task, load_catalog

Make = Callable[..., Any]


@pytest.fixture
def checked(make_mirror: Make) -> Callable[..., Check]:
    def of(task: Task, **splits: list[dict[str, Any]]) -> Check:
        return check(task, MirrorSource(make_mirror(**splits), "mirror"))

    return of


@pytest.mark.parametrize("task", load_catalog().tasks("all"), ids=lambda task: task.name)
def test_the_samples_are_whole(task: Task) -> None:
    found = check(task, parse_source("samples"))
    assert found.problems == []
    assert all(role.rows for role in found.roles.values())


def test_whole_dataset(checked: Make, make_task: Make, toy_rows: Make) -> None:
    found = checked(make_task(), train=toy_rows(100), validation=toy_rows(7, 100))
    assert (found.state, found.source, found.problems) == ("there", 0, [])
    assert {role: rows.rows for role, rows in found.roles.items()} == {"train": 80, "dev": 20, "test": 7}
    assert found.columns["train"] == {"premise": "string", "hypothesis": "string", "label": "int64"}
    assert list(found.columns) == ["train", "validation"]


def test_the_source_whose_layout_was_found_is_numbered(checked: Make, make_task: Make, toy_rows: Make) -> None:
    first = {"columns": {"text": "string", "label": ["entailed", "open"]}}
    second = {"columns": {"premise": "string", "hypothesis": "string", "label": ["entailed", "open"]}}
    found = checked(make_task(sources=[first, second]), train=toy_rows(100), validation=toy_rows(7))
    assert found.source == 1


def test_rows_left_out_are_counted_by_role_and_reason(checked: Make, make_task: Make, toy_rows: Make) -> None:
    test = [*toy_rows(5), {"premise": "a", "hypothesis": "b", "label": -1}, {"premise": None, "label": 0}]
    found = checked(make_task(), train=toy_rows(100), validation=test)
    assert found.state == "there"
    assert found.roles["train"].left_out == {}
    assert found.roles["test"].rows == 5
    assert found.roles["test"].left_out == {"label: label -1": 1, "premise: null": 1}


def test_missing_dataset(make_mirror: Make, make_task: Make, toy_rows: Make) -> None:
    found = check(make_task(access="Sign the form."), MirrorSource(make_mirror("another", train=toy_rows(3)), "mirror"))
    assert (found.state, found.roles) == ("missing", {})
    assert "Sign the form." in found.problems[0]


def test_missing_split_points_to_carving(checked: Make, make_task: Make, toy_rows: Make) -> None:
    found = checked(make_task(), train=toy_rows(100))
    assert found.state == "missing"
    assert {role: rows.rows for role, rows in found.roles.items()} == {"train": 80, "dev": 20, "test": 0}
    (problem,) = found.problems
    assert "'validation'" in problem
    assert "data.carve" in problem


def test_no_split_at_all_does_not_point_to_carving(checked: Make, make_task: Make, toy_rows: Make) -> None:
    found = checked(make_task(), rows=toy_rows(100))
    assert found.state == "missing"
    assert len(found.problems) == 3
    assert "carve" not in "".join(found.problems)


def test_split_without_a_usable_row(checked: Make, make_task: Make, toy_rows: Make) -> None:
    unlabelled = [row | {"label": -1} for row in toy_rows(9)]
    found = checked(make_task(), train=toy_rows(100), validation=unlabelled)
    assert found.state == "missing"
    assert "label -1: 9" in found.problems[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"premise": "text"}, "'premise' (string) is missing"),
        ({"label": "gold"}, "'label'"),
    ],
)
def test_renamed_column(checked: Make, make_task: Make, toy_rows: Make, change: dict[str, str], said: str) -> None:
    rows = [{change.get(name, name): value for name, value in row.items()} for row in toy_rows(30)]
    found = checked(make_task(), train=rows, validation=rows)
    assert found.state == "different"
    assert said in found.problems[0]


def test_damaged_file(make_mirror: Make, make_task: Make, toy_rows: Make) -> None:
    root: Path = make_mirror(validation=toy_rows(5))
    (root / "toy" / "train.parquet").write_bytes(b"PAR1, and then nothing")
    found = check(make_task(), MirrorSource(root, "mirror"))
    assert found.state == "different"
    assert "train.parquet" in found.problems[0]
