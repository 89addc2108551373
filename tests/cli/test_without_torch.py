"""The data half works without torch and transformers, and gives the very rows; the other verbs say what to install."""

import json
import subprocess
import sys

import pytest
from tiny_folder import save_tiny_model

from openflan.cli import main

SETTINGS = [
    "data.tasks=[copa]", "train.steps=2", "train.tokens_per_step=512", "train.row_length=256",
    "format.input_length=200", "format.target_length=32",
]  # fmt: skip


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    model = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return [word for one in (f"model.path={model}", *SETTINGS) for word in ("--set", one)]


def without_torch(*arguments):
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('torch', 'transformers', 'safetensors'):\n"
        "            raise ModuleNotFoundError(f'no {name}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import openflan.cli\n"
        f"sys.exit(openflan.cli.main({list(arguments)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_rows_prepared_without_torch_are_those_that_are_trained_on(changes, tmp_path, capsys):
    prepared = tmp_path / "prepared"
    done = without_torch("prepare", *changes, "--out", str(prepared), "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "of the positions filled" in done.stdout
    assert main(["train", *changes, "--prepared", str(prepared), "--out", str(tmp_path / "run")]) == 0
    assert "not using" not in capsys.readouterr().err
    alone = ["--prepared", str(prepared), "--without-rows", "--out", str(tmp_path / "alone")]
    assert main(["train", *changes, *alone]) == 0
    weights = [(tmp_path / run / "model/model.safetensors").read_bytes() for run in ("run", "alone")]
    assert weights[0] == weights[1]


def test_a_damaged_note_on_prepared_rows_is_told(changes, tmp_path, capsys):
    prepared = tmp_path / "prepared"
    assert main(["prepare", *changes, "--out", str(prepared), "--workers", "1", "--rows", "1"]) == 0
    note = json.loads((prepared / "mixture.json").read_text(encoding="utf-8"))
    note["datasets"][0]["licence"] = "none at all"
    (prepared / "mixture.json").write_text(json.dumps(note), encoding="utf-8")
    alone = ["--prepared", str(prepared), "--without-rows", "--out", str(tmp_path / "alone")]
    assert main(["train", *changes, *alone]) == 1
    assert "mixture.json is not what was written; run the same openflan prepare again" in capsys.readouterr().err


def test_the_rows_of_another_mixture_are_refused_and_left_as_they_are(changes, tmp_path, capsys):
    prepared = tmp_path / "prepared"
    assert main(["prepare", *changes, "--out", str(prepared), "--workers", "1", "--rows", "1"]) == 0
    before = {path: path.read_bytes() for path in prepared.rglob("*.json")}
    assert main(["prepare", *changes, "--set", "data.tasks=[rte]", "--out", str(prepared), "--workers", "1"]) == 1
    assert "cannot be added to: it was prepared with another mixture" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in prepared.rglob("*.json")} == before


@pytest.mark.parametrize("verb", ["train", "run", "eval", "score", "estimate"])
def test_the_other_verbs_say_what_to_install(verb, changes, tmp_path):
    model = changes[1].partition("=")[2]
    (tmp_path / "asked.jsonl").write_text('{"input": "a", "options": ["b"]}\n', encoding="utf-8")
    arguments = {
        "eval": [model, "--tasks", "copa", "--rows", "1", "--out", str(tmp_path / "eval")],
        "score": [model, str(tmp_path / "asked.jsonl")],
        "estimate": ["--shape", "llama-8b", "--gpu", "h100"],
    }.get(verb, [*changes, "--set", "evaluate.tasks=copa", "--out", str(tmp_path / "out")])
    done = without_torch(verb, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"openflan {verb}: needs torch, which is not installed: pip install torch"
    assert "Traceback" not in done.stderr
