"""A whole run holds its folder from the first file to the last, and says what came of it once."""

import json

import pytest
from tiny_folder import save_tiny_model

from openflan.api import run as module
from openflan.recipe import make_recipe


@pytest.fixture
def recipe(tmp_path):
    model = save_tiny_model(tmp_path / "tiny")
    return make_recipe(
        model={"path": str(model)},
        data={"tasks": ["copa"]},
        format={"join": "eos", "input_length": 200, "target_length": 32},
        train={"steps": 1, "tokens_per_step": 256, "row_length": 256},
        evaluate={"tasks": ["sst2"]},
    )


def test_the_folder_is_locked_over_the_whole_run(recipe, tmp_path, monkeypatch):
    def look(recipe, folder, *_, **__):
        return json.loads((folder / ".lock").read_text(encoding="utf-8"))["what"]

    monkeypatch.setattr(module, "_run", look)
    assert module.run(recipe, tmp_path / "out", silent=True) == "openflan run"
    assert (tmp_path / "out" / ".lock").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(("rank", "written"), [("0", 1), ("1", 0)])
def test_of_several_processes_the_first_reports(recipe, tmp_path, monkeypatch, rank, written):
    reports = []
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(module, "evaluate_recipe", lambda *_, name, **__: name)
    monkeypatch.setattr(module, "train_recipe", lambda *_, **__: type("Trained", (), {"model": str(tmp_path)}))
    monkeypatch.setattr(module, "write_report", lambda folder: reports.append(folder))
    done = module.run(recipe, tmp_path / "out", silent=True)
    assert list(done.evaluations) == ["untuned-baseline", "untuned", "tuned"]
    assert len(reports) == written
