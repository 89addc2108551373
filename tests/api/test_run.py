"""A whole run holds its folder from the first file to the last, and says what came of it once."""

import json
import re

import pytest
from tiny_folder import save_tiny_model

from openflan.api import run as module
from openflan.recipe import make_recipe
from openflan.tasks.registry import CATALOG, SAMPLES


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


def test_a_card_without_a_prompt_of_the_untuned_models_own_is_asked_with_instructions(recipe, tmp_path):
    cards = tmp_path / "cards"
    cards.mkdir()
    card = (
        (CATALOG / "commonsense" / "copa.yaml").read_text(encoding="utf-8").replace("name: copa\n", "name: mine\n", 1)
    )
    (cards / "mine.yaml").write_text(re.sub(r"(?ms)^baseline:.*?(?=^templates:)", "", card), encoding="utf-8")
    (tmp_path / "rows").mkdir()
    for task, rows in (("mine", "copa"), ("rte", "rte")):
        (tmp_path / "rows" / task).symlink_to(SAMPLES / rows)
    asked = recipe.replace(
        data={"tasks": ["rte"], "cards": [str(cards)], "source": f"mirror:{tmp_path / 'rows'}"},
        evaluate={"tasks": ["mine"], "rows": 2, "templates": [0], "generate": "none"},
    )
    alone = module.run(asked, tmp_path / "alone", silent=True)
    assert list(alone.evaluations) == ["untuned", "tuned"]
    assert "tuned_vs_untuned" in (tmp_path / "alone" / "summary.json").read_text(encoding="utf-8")

    beside = asked.replace(evaluate={"tasks": ["mine", "sst2"]}, data={"source": f"mirror:{tmp_path / 'rows'},samples"})
    done = module.run(beside, tmp_path / "beside", silent=True)
    measured = {name: sorted(one.to_pandas()["dataset"]) for name, one in done.evaluations.items()}
    assert measured == {"untuned-baseline": ["sst2"], "untuned": ["mine", "sst2"], "tuned": ["mine", "sst2"]}
