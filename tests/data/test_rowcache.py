"""Kept rows are those that would be read; what is damaged or no longer so is read again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from openflan.data import contents, rowcache
from openflan.data.mirror import MirrorSource
from openflan.data.rows import TaskRows, keep_rows, load_rows
from openflan.data.taskrows import rows_of
from openflan.errors import MissingRowsError, OpenflanError
from openflan.tasks.registry import Task, load_catalog

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, in which the sums of files are kept although they were only just written."""
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(contents, "_SETTLED", -60.0)
    return tmp_path / "cache"


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on, reading rows from their source is a failure."""

    def forbid() -> None:
        monkeypatch.setattr(rowcache, "rows_of", lambda *_, **__: pytest.fail("rows were read from their source"))

    return forbid


def told(rows: TaskRows) -> tuple[Any, ...]:
    """All there is to know about rows."""
    about = (rows.role, rows.layout, len(rows), rows.skipped, rows.origin, rows.fingerprint)
    return (*about, rows.positions.tolist(), list(rows))


def test_rows_are_the_same_kept_as_read(make_task: Make, make_mirror: Make, toy_rows: Make, no_reading: Make) -> None:
    rows = [*toy_rows(70), {"premise": "A ship.", "hypothesis": "it", "label": -1}]
    source, task = MirrorSource(make_mirror(train=rows, validation=toy_rows(9, 90)), "m"), make_task()
    read = {role: told(rows_of(source.open(task), role)) for role in ("train", "dev", "test")}
    assert {role: told(load_rows(task, role, source)) for role in read} == read
    no_reading()
    assert {role: told(load_rows(task, role, source)) for role in read} == read


def test_lent_references_are_kept(make_task: Make, make_mirror: Make, no_reading: Make) -> None:
    columns = {"q": "string", "a": "string"}
    card = {"sources": [{"columns": columns, "merge": "q"}], "fields": ["q"], "options": None, "answer": "{{ a }}"}
    task = make_task(**card, templates=[{"input": "{{ q }}"}], metric="exact_match")
    rows = [{"q": f"question {number % 5}", "a": f"answer {number}"} for number in range(12)]
    source = MirrorSource(make_mirror(train=rows * 3, validation=rows), "m")
    read = told(rows_of(source.open(task), "test"))
    assert max(len(example.references) for example in read[-1]) == 3
    assert told(load_rows(task, "test", source)) == read
    no_reading()
    assert told(load_rows(task, "test", source)) == read


def test_real_rows_are_the_same_kept_as_read(shared_data: Path, no_reading: Make) -> None:
    source = MirrorSource(shared_data, "m")
    tasks = [task for name in ("copa", "wnli", "common_gen") for task in load_catalog().tasks(name)]
    read = [told(rows_of(source.open(task), "test", carve=True)) for task in tasks]
    keep_rows(tasks, "test", source, carve=True)
    no_reading()
    assert [told(load_rows(task, "test", source, carve=True)) for task in tasks] == read


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", ["json", "arrow"])
@pytest.mark.parametrize(
    "spoil", [flip, lambda path: path.write_bytes(b""), Path.unlink], ids=["flip", "empty", "gone"]
)
def test_a_damaged_entry_is_made_again(
    suffix: str, spoil: Make, make_task: Make, make_mirror: Make, toy_rows: Make, cache: Path, no_reading: Make
) -> None:
    source, task = MirrorSource(make_mirror(train=toy_rows(70)), "m"), make_task()
    read = told(load_rows(task, "train", source))
    [path] = (cache / "rows").glob(f"*.{suffix}")
    spoil(path)
    assert told(load_rows(task, "train", source)) == read
    no_reading()
    assert told(load_rows(task, "train", source)) == read


def test_a_source_that_changed_under_the_same_name_is_read_again(make_task: Make, make_mirror: Make) -> None:
    rows = [{"premise": f"Ship {number:02} sails.", "hypothesis": "it", "label": 0} for number in range(40)]
    source, task = MirrorSource(make_mirror(train=rows), "m"), make_task()
    before = load_rows(task, "train", source)
    path = source.root / "toy" / "train.jsonl"
    times = path.stat()
    path.write_text(path.read_text(encoding="utf-8").replace("Ship", "Boat"), encoding="utf-8")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)
    after = load_rows(task, "train", source)
    assert before.fingerprint != after.fingerprint
    assert told(after) == told(rows_of(source.open(task), "train"))


def test_a_damaged_entry_of_rows_that_changed_meanwhile_is_told(
    make_task: Make, make_mirror: Make, toy_rows: Make, cache: Path
) -> None:
    source, task = MirrorSource(make_mirror(train=toy_rows(40)), "m"), make_task()
    rows = load_rows(task, "train", source)
    make_mirror(train=toy_rows(50))
    [path] = (cache / "rows").glob("*.arrow")
    flip(path)
    with pytest.raises(OpenflanError, match="have changed since"):
        rows.examples([0])


def test_rows_that_were_moved_are_still_known(
    make_task: Make, make_mirror: Make, toy_rows: Make, tmp_path: Path, no_reading: Make
) -> None:
    source, task = MirrorSource(make_mirror(train=toy_rows(40)), "m"), make_task()
    before = load_rows(task, "train", source)
    shutil.move(source.root, tmp_path / "elsewhere")
    no_reading()
    after = load_rows(task, "train", MirrorSource(tmp_path / "elsewhere", "m"))
    assert after.fingerprint == before.fingerprint
    assert after.origin == f"{tmp_path / 'elsewhere' / 'toy'} train"


@pytest.mark.parametrize("change", [{"access": "elsewhere"}, {"fields": {"premise": "{{ premise | upper }}"}}])
def test_another_card_is_another_entry(change: Any, make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    source = MirrorSource(make_mirror(train=toy_rows(40)), "m")
    change |= {"templates": [{"input": "{{ premise }} {{ options_ }}"}]}
    load_rows(make_task(), "train", source)
    task = make_task(**change)
    assert told(load_rows(task, "train", source)) == told(rows_of(source.open(task), "train"))


def test_limits_are_entries_of_their_own(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    source, task = MirrorSource(make_mirror(train=toy_rows(40)), "m"), make_task()
    assert [len(load_rows(task, "train", source, limit=limit)) for limit in (9, 5, 9)] == [9, 5, 9]


def test_the_sum_of_a_file_that_has_just_changed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_SETTLED", 2.0)
    path = tmp_path / "file"
    path.write_text("some")
    first = contents.content(path)
    assert contents.remembered(path) is None
    path.write_text("else")
    assert contents.content(path) != first


def test_without_a_cache_rows_are_read(make_task: Make, make_mirror: Make, toy_rows: Make, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    source, task = MirrorSource(make_mirror(train=toy_rows(40)), "m"), make_task()
    keep_rows([task], "train", source)
    assert told(load_rows(task, "train", source)) == told(rows_of(source.open(task), "train"))


def tasks_with_rows(make_task: Make, make_mirror: Make, toy_rows: Make) -> tuple[list[Task], MirrorSource]:
    tasks = [make_task(name=f"toy{number}") for number in range(4)]
    roots = [make_mirror(task.name, train=toy_rows(40, 50 * number)) for number, task in enumerate(tasks)]
    return tasks, MirrorSource(roots[0], "m")


def test_rows_are_kept_by_several_processes(
    make_task: Make, make_mirror: Make, toy_rows: Make, no_reading: Make
) -> None:
    tasks, source = tasks_with_rows(make_task, make_mirror, toy_rows)
    seen: list[tuple[int, int]] = []
    keep_rows([*tasks, make_task(name="absent")], "train", source, on_progress=lambda *now: seen.append(now))
    assert seen[-1] == (5, 5)
    assert seen == sorted(seen)
    no_reading()
    assert all(told(load_rows(task, "train", source)) == told(rows_of(source.open(task), "train")) for task in tasks)
    with pytest.raises(MissingRowsError):
        load_rows(make_task(name="absent"), "train", source)


def test_processes_that_ask_at_once_read_once(
    make_task: Make, make_mirror: Make, toy_rows: Make, cache: Path, no_reading: Make
) -> None:
    tasks, source = tasks_with_rows(make_task, make_mirror, toy_rows)
    context = get_context("fork")
    asking = [context.Process(target=keep_rows, args=(tasks, "train", source)) for _ in range(3)]
    for process in asking:
        process.start()
    for process in asking:
        process.join()
    assert [process.exitcode for process in asking] == [0, 0, 0]
    assert len(list((cache / "rows").glob("*.arrow"))) == len(tasks)
    no_reading()
    assert all(told(load_rows(task, "train", source)) == told(rows_of(source.open(task), "train")) for task in tasks)


def test_entries_that_nobody_asks_for_go(make_task: Make, make_mirror: Make, toy_rows: Make, cache: Path) -> None:
    source = MirrorSource(make_mirror(train=toy_rows(40)), "m")
    for limit in (5, 9):
        load_rows(make_task(), "train", source, limit=limit)
    notes = {json.loads(path.read_text(encoding="utf-8"))["rows"]: path for path in (cache / "rows").glob("*.json")}
    os.utime(notes[5], (0, 0))
    rowcache.tidy()
    assert [path.stem for path in (cache / "rows").glob("*.arrow")] == [notes[9].stem]
