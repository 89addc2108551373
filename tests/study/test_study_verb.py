"""The verb: studies are listed, planned, said to be where they are, and done through the pool."""

import pytest

from openflan.cli import main
from openflan.study.costs import corrected
from openflan.study.drive import open_study

ONE_CELL = ["--set", "axes={trained: {values: {bare: {data: {settings: bare}}}}}", "--set", "figures=[]",
            "--set", "contrasts=[{over: measured, from: untuned, to: tuned}]", "--set", "published=[]"]  # fmt: skip


def test_the_list_names_every_study(capsys):
    assert main(["study"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("matrix", "clusters", "scale", "instructions", "few_shot", "supervised"))


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(study_file, tmp_path, capsys):
    assert main(["study", str(study_file), "--out", str(tmp_path / "six"), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "6 trainings and 7 evaluations to do" in printed
    assert printed.count("openflan study cell") == 7  # six cells, and the array
    assert (tmp_path / "six" / "array.sbatch").is_file()
    planned = open_study(tmp_path / "six")
    assert all(seconds > 0 for seconds in planned.costs.values())
    assert not (tmp_path / "six" / "trainings").exists()


def test_a_study_is_done_by_the_pool_and_reported(study_file, tmp_path, capsys):
    arguments = ["study", str(study_file), *ONE_CELL, "--out", str(tmp_path / "one"), "--store", str(tmp_path / "kept")]
    assert main([*arguments, "--gpus", "0"]) == 0
    printed = capsys.readouterr().out
    assert "“tuned” against “untuned”" in printed
    assert (tmp_path / "one" / "study.html").is_file()
    assert len(list((tmp_path / "kept" / "trainings").iterdir())) == 1
    assert main(["study", "status", str(tmp_path / "one")]) == 0
    assert "1 of 1 cells are done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["matrx"], "did you mean 'matrix'"),
        (["resume"], "needs a folder"),
        (["status", "/nowhere"], "holds no study"),
        (["cell", "/nowhere"], "is no cell of a study"),
        (["one", "two", "three"], "nothing that can be done"),
    ],
)
def test_what_cannot_be_done_is_said(words, said, capsys):
    assert main(["study", *words]) == 1
    assert said in capsys.readouterr().err


def test_forecasts_are_put_right_by_what_was_measured():
    costs = {"trainings/a": 10.0, "trainings/b": 20.0, "evaluations/c": 5.0}
    assert corrected(costs, {"trainings/a": 30.0}) == {"trainings/b": 60.0, "evaluations/c": 5.0}
    assert corrected(costs, {}) == costs
