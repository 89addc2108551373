import io
import json
import socket
import sys
from pathlib import Path

import pytest
from tiny_folder import save_tiny_model

from openflan.api.evaluation import tuned_model
from openflan.cli import main
from openflan.data.encode import Format
from openflan.model.format_file import write_format
from openflan.playground.models import open_model
from openflan.playground.opening import open_models
from openflan.recipe import make_recipe


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    write_format(folder, Format(join="newline"))
    return folder


def test_an_answer_and_a_ranking_in_the_models_own_format(model, capsys):
    question = ["ask", str(model), "the cat sat on", "--options", "a mat", "rain", "--max-tokens", "6"]
    assert main([*question, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["prompt"] == "the cat sat on\n\nOPTIONS:\n- a mat\n- rain"
    expected = open_model(model, Format(join="newline"), name="tiny").rank("the cat sat on", ["a mat", "rain"])
    assert [one["logprob"] for one in told["bare"]["options"]] == pytest.approx([one.logprob for one in expected])
    assert main(question) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(told["answers"][0]["text"]) and "With the list of options" in printed
    chosen = next(line for line in printed.splitlines() if line.startswith("▶"))
    assert told["block"]["choice"] in chosen


def test_standard_input_is_asked(model, capsys, monkeypatch):
    assert main(["ask", str(model), "the cat\nsat", "--max-tokens", "4"]) == 0
    given = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("the cat\nsat\n"))
    assert main(["ask", str(model), "--max-tokens", "4"]) == 0
    assert capsys.readouterr().out == given


def test_what_is_wrong_is_a_sentence(model, capsys):
    assert main(["ask", str(model), "  "]) == 1
    assert "openflan ask: instruction: the instruction is empty" in capsys.readouterr().err
    assert main(["ask", str(model), "the cat", "--temperature", "-1"]) == 1
    assert "temperature: Input should be" in capsys.readouterr().err
    assert main(["ask", str(model), "the cat", "--options", "a", "a", "--max-tokens", "1"]) == 1
    assert "the same: 'a'" in capsys.readouterr().err
    assert main(["ask", str(model / "none"), "the cat"]) == 1
    assert "no model folder" in capsys.readouterr().err


def test_a_run_opens_as_the_model_before_and_after(model, tmp_path):
    run = tmp_path / "night"
    recipe = make_recipe(model={"path": str(model)}, format={"join": "space"}, train={"steps": 1})
    recipe.save(run / "recipe.yaml")
    tuned = save_tiny_model(run / "model")
    write_format(tuned, Format(join="space", input_length=77))
    opened = open_models([str(run), str(model), str(run)], lambda place: tuned_model(Path(place)))
    assert [(one.name, one.role, one.format.join) for one in opened.models.values()] == [
        ("tiny", "untuned", "space"), ("night", "tuned", "space"), ("tiny-2", "", "newline"),
    ]  # fmt: skip
    assert opened["night"].format.input_length == 77 and opened.runs == [run]


def test_a_port_that_is_taken_and_a_missing_extra_are_told(model, capsys, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["playground", str(model), "--port", str(port), "--no-browser"]) == 1
    assert f"cannot listen at 127.0.0.1, port {port}" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["playground", str(model), "--no-browser"]) == 1
    assert "pip install 'openflan[playground]'" in capsys.readouterr().err
