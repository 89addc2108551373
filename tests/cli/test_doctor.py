"""`openflan doctor` and `openflan generate` at the terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.cli import main
from openflan.data.sources import SAMPLES

Make = Callable[..., Any]


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """RTE whole, CB without its test split, COPA with a renamed column; nothing else."""
    root = tmp_path / "mirror"
    for name in ("rte", "cb", "copa"):
        shutil.copytree(SAMPLES / name, root / name)
    (root / "cb" / "validation.jsonl").unlink()
    for path in (root / "copa").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace('"premise"', '"sentence"'), encoding="utf-8")
    return root


def test_samples_have_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "0 missing, 0 different" in capsys.readouterr().out


def test_reports_all_of_it_and_fails(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "rte", "cb", "copa", "wic", "--source", f"mirror:{mirror}"]) == 1
    printed = capsys.readouterr().out
    assert "4 datasets and variants: 1 there, 2 missing, 1 different" in printed
    assert "no split 'validation' for test" in printed
    assert "data.carve: true" in printed
    assert "column 'premise' (string) is missing" in printed
    assert "looked for wic/" in printed
    assert "rte train: premise: string, hypothesis: string" in printed


def test_json(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "rte", "cb", "copa", "wic", "--source", f"mirror:{mirror}", "--json"]) == 1
    found = {check["task"]: check for check in json.loads(capsys.readouterr().out)}
    states = {name: check["state"] for name, check in found.items()}
    assert states == {"rte": "there", "cb": "missing", "copa": "different", "wic": "missing"}
    assert found["rte"]["roles"]["test"]["split"] == "validation"
    assert found["rte"]["columns"]["train"]["premise"] == "string"


def test_own_card(make_card: Make, make_mirror: Make, toy_rows: Make, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_mirror(train=toy_rows(60), validation=toy_rows(5))
    arguments = ["--source", f"mirror:{root}", "--cards", str(make_card())]
    assert main(["doctor", "toy", *arguments]) == 0
    assert main(["doctor", "toy", "rte", *arguments]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rtee"], "did you mean 'rte'"),
        (["rte", "--source", "mirror:/no/such/folder"], "/no/such/folder"),
        (["rte", "--source", "web"], "samples, mirror:DIR or hub"),
        (["rte", "--cards", "/no/such/card.yaml"], "/no/such/card.yaml"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_generated_rows_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "math_dataset", "--source", f"mirror:{tmp_path}"]) == 1
    assert "openflan generate math_dataset DIR" in capsys.readouterr().out
    assert main(["generate", "math_dataset", str(tmp_path), "--rows", "900"]) == 0
    assert main(["doctor", "math_dataset", "--source", f"mirror:{tmp_path}"]) == 0


def test_generated_rows_are_the_same_every_time_and_splits_apart(tmp_path: Path) -> None:
    for place in ("one", "two"):
        main(["generate", "math_dataset", str(tmp_path / place), "--rows", "500"])
    files = {
        split: [(tmp_path / place / "math_dataset" / f"{split}.jsonl").read_text() for place in ("one", "two")]
        for split in ("train", "test")
    }
    assert all(one == two for one, two in files.values())
    questions = {
        split: {json.loads(line)["question"] for line in one.splitlines()} for split, (one, _) in files.items()
    }
    assert len(questions["train"]) == 500
    assert not questions["train"] & questions["test"]


def test_generate_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "math_dataset").mkdir()
    kept = tmp_path / "math_dataset" / "train.jsonl"
    kept.write_text("mine")
    for arguments, said in (
        (["math_dataset", str(tmp_path)], "has files already"),
        (["rte", str(tmp_path)], "only for math_dataset"),
    ):
        assert main(["generate", *arguments]) == 1
        assert said in capsys.readouterr().err
    assert kept.read_text() == "mine"
