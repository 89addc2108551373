"""`openflan mix` at the terminal: the table, JSON, and what stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from openflan.cli import main
from openflan.data.sources import SAMPLES


def mix(*changes: str, recipe: str = "", more: tuple[str, ...] = ()) -> int:
    settings = [word for change in changes for word in ("--set", change)]
    return main(["mix", *([recipe] if recipe else []), *settings, *more])


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    for name in ("rte", "cb"):
        shutil.copytree(SAMPLES / name, tmp_path / "mirror" / name)
    return tmp_path / "mirror"


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("data.tasks=[rte, copa]") == 0
    printed = capsys.readouterr().out
    assert "2 datasets, 32 rows" in printed
    assert "50.00%" in printed


def test_json_says_what_the_table_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("data.tasks=[rte, copa]", "data.rate_cap=4", more=("--examples", "100", "--json")) == 0
    shares = json.loads(capsys.readouterr().out)
    assert [(share["name"], share["rows"], share["rate"], share["draws"]) for share in shares] == [
        ("rte", 16, 4, 50.0),
        ("copa", 16, 4, 50.0),
    ]
    assert sum(share["probability"] for share in shares) == pytest.approx(1)


def test_what_is_held_out_is_not_trained_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("data.hold_out=nli", more=("--json",)) == 0
    clusters = {share["cluster"] for share in json.loads(capsys.readouterr().out)}
    assert not clusters & {"nli", "paraphrase"}
    assert mix("data.hold_out=nli") == 0
    assert "mrpc (too close to nli)" in " ".join(capsys.readouterr().out.split())


def test_the_table_says_what_is_held_out_subclusters_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("data.tasks=[all]", "data.hold_out=conversational_qa,copa") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Held out: conversational_qa (coqa, quac), copa" in printed
    assert "Not trained on either: " in printed and "hellaswag (held out)" in printed
    assert "record (too close to commonsense)" in printed
    assert mix("data.tasks=[rte]") == 0
    assert "Held out" not in capsys.readouterr().out


def test_a_key_without_its_section_is_answered_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("hold_out=nli") == 1
    assert "did you mean data.hold_out?" in capsys.readouterr().err


def test_overlap_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("data.tasks=[rte, copa]", "data.hold_out=nli") == 1
    assert "data.allow_overlap: true" in capsys.readouterr().err
    assert mix("data.tasks=[rte, copa]", "data.hold_out=nli", "data.allow_overlap=true") == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.tasks=rtee", "did you mean 'rte'"),
        ("data.hold_out=nlii", "did you mean 'nli'"),
        ("data.task=rte", "did you mean 'tasks'"),
        ("dat.tasks=rte", "did you mean 'data'"),
        ("data.missing=ignore", "--set data.missing=ignore"),
        ("data.source=web", "samples, mirror:DIR or hub"),
        ("data.source=mirror:/no/such/folder", "/no/such/folder"),
    ],
)
def test_wrong_settings_point_to_the_right_ones(change: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert mix(change) == 1
    assert said in capsys.readouterr().err


def test_unknown_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix(recipe="quickstrat") == 1
    assert "did you mean 'quickstart'" in capsys.readouterr().err


def test_missing_rows_stop_the_mixture_and_are_named_at_once(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mix(f"data.source=mirror:{mirror}", "data.tasks=[rte, copa, cb, wic]") == 1
    said = capsys.readouterr().err
    assert "2 datasets have no rows" in said
    assert "looked for copa/" in said
    assert "looked for wic/" in said
    assert "data.missing: skip" in said


def test_missing_rows_are_skipped_when_told_so(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mix(f"data.source=mirror:{mirror}", "data.tasks=[rte, copa, cb, wic]", "data.missing=skip") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 datasets, 32 rows" in printed
    for name in ("copa", "wic"):
        assert f"Missing: {name}: no rows in" in printed


def test_nothing_but_missing_rows(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mix(f"data.source=mirror:{mirror}", "data.tasks=[copa, wic]", "data.missing=skip") == 1
    assert "no dataset with rows" in capsys.readouterr().err


def test_missing_split_is_carved_when_told_so(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mirror / "rte" / "train.jsonl").unlink()
    settings = (f"data.source=mirror:{mirror}", "data.tasks=rte")
    assert mix(*settings) == 1
    assert "data.carve: true" in capsys.readouterr().err
    assert mix(*settings, "data.carve=true") == 0


def test_a_recipe_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data:\n  tasks: [nli]\n  templates: 2\n", encoding="utf-8")
    assert mix(recipe=str(path), more=("--json",)) == 0
    assert {share["templates"] for share in json.loads(capsys.readouterr().out)} == {2}
    path.write_text("data:\n  tasks: [nli]\n  templtes: 2\n", encoding="utf-8")
    assert mix(recipe=str(path)) == 1
    assert f"{path}:3" in capsys.readouterr().err
