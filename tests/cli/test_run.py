"""The whole way on a tiny model: `run`, then `train`, `eval`, `compare` and `report` on what it left."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from tiny_folder import save_tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from openflan.cli import main
from openflan.evaluation.results import read_results
from openflan.model.identity import model_identity

RECIPE = """
description: the whole way, small
model: {{path: {model}}}
data: {{tasks: [copa, sst2, rte], hold_out: [sentiment], allow_overlap: false}}
format: {{join: eos, input_length: 240, target_length: 16}}
train: {{steps: 2, tokens_per_step: 512, row_length: 256, lr: 1.0e-3}}
evaluate: {{seen: [copa], rows: 1, templates: [0, 1], generate: all, max_tokens: 3}}
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    text = RECIPE.format(model=save_tiny_model(folder / "tiny")).replace("[copa, sst2, rte]", "[commonsense]")
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    assert main(["run", str(folder / "small.yaml"), "--out", str(folder / "out")]) == 0
    return folder


def test_the_run_leaves_everything_it_promises(run_folder):
    out = run_folder / "out"
    for name in ("recipe.yaml", "environment.json", "mixture.json", "metrics.jsonl", "summary.json", "report.html"):
        assert (out / name).stat().st_size > 0, name
    assert len((out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert set(summary["models"]) == {"untuned-baseline", "untuned", "tuned"}
    assert {"accuracy", "balanced_accuracy", "written_option", "loss"} <= set(summary["held_out"])
    assert {"value", "low", "high"} <= set(summary["held_out"]["accuracy"]["tuned_vs_baseline"])
    names = {task["name"] for task in summary["models"]["tuned"]["options"]["tasks"]}
    assert names == {"imdb", "sentiment140", "sst2", "yelp_polarity", "copa"}


def test_the_page_is_whole_and_loads_nothing(run_folder):
    page = (run_folder / "out" / "report.html").read_text(encoding="utf-8")
    assert not any(word in page for word in ("<link", "src=", 'href="http'))
    assert "OPTIONS:" in page and "Never trained on" in page


def test_the_model_card_names_data_and_results(run_folder):
    card = (run_folder / "out/model/README.md").read_text(encoding="utf-8")
    fingerprint = json.loads((run_folder / "out/mixture.json").read_text(encoding="utf-8"))["fingerprint"]
    assert f"| data fingerprint | {fingerprint} |" in card
    assert "| copa | BSD" in card
    assert card.count("## Results") == 1
    assert card.index("## Results") < card.index("Never trained on") < card.index("## Limits")


def test_plain_transformers_loads_the_tuned_model(run_folder):
    model = AutoModelForCausalLM.from_pretrained(run_folder / "out" / "model")
    tokenizer = AutoTokenizer.from_pretrained(run_folder / "out" / "model")
    tokens = tokenizer("the cat", return_tensors="pt", return_token_type_ids=False)
    assert model(**tokens).logits.shape[-1] == model.config.vocab_size


def test_a_second_start_finds_everything_done(run_folder):
    out = run_folder / "out"
    before = {path: path.stat().st_mtime_ns for path in (*out.glob("eval/*/scores.jsonl"), out / "model/config.json")}
    assert main(["run", str(run_folder / "small.yaml"), "--out", str(out)]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_folder_of_another_model_is_refused_and_left_as_it_is(run_folder, capsys):
    out, other = run_folder / "out", run_folder / "other-tiny"
    shutil.copytree(run_folder / "tiny", other)
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}), encoding="utf-8")
    ours, theirs = (model_identity(folder)["fingerprint"] for folder in (run_folder / "tiny", other))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for verb in ("run", "train"):
        recipe = [verb, str(run_folder / "small.yaml"), "--set", f"model.path={other}", "--out", str(out)]
        assert main(recipe) == 1
        told = capsys.readouterr().err
        assert f"({ours}) then" in told and f"({theirs}) now" in told
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_damaged_model_of_a_run_is_not_asked(run_folder, capsys):
    run = run_folder / "damaged"
    shutil.copytree(run_folder / "out", run)
    weights = run / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for words in (
        ["eval", str(run), "--tasks", "copa", "--out", str(run_folder / "none")],
        ["ask", str(run), "Hello?"],
    ):
        assert main(words) == 1
        assert "model.safetensors is not what was written; start the run again" in capsys.readouterr().err
    assert not (run_folder / "none").exists()


def test_eval_measures_the_same_as_the_run(run_folder, capsys):
    arguments = ["eval", str(run_folder / "out"), str(run_folder / "small.yaml"), "--tasks", "sst2"]
    assert main([*arguments, "--out", str(run_folder / "again"), "--json"]) == 0
    capsys.readouterr()
    again = {row["prompt"]: row["logprobs"] for row in read_results(run_folder / "again").table().to_pylist()}
    before = read_results(run_folder / "out/eval/tuned").table().to_pylist()
    compared = [(row["logprobs"], again[row["prompt"]]) for row in before if row["prompt"] in again]
    assert len(compared) >= 2
    for first, second in compared:
        assert first == pytest.approx(second, abs=1e-4)


def test_compare_prints_and_draws(run_folder, capsys):
    evals = run_folder / "out/eval"
    figure = run_folder / "figure.svg"
    assert main(["compare", str(evals / "untuned"), str(evals / "tuned"), "--figure", str(figure)]) == 0
    assert "difference" in capsys.readouterr().out
    assert figure.read_text(encoding="utf-8").startswith("<svg")


def test_training_on_what_is_held_out_is_refused(run_folder, capsys):
    arguments = ["train", str(run_folder / "small.yaml"), "--set", "data.tasks=[sst2]", "--out", str(run_folder / "no")]
    assert main(arguments) == 1
    assert "sst2 is held out" in capsys.readouterr().err


def test_prepared_rows_are_trained_on(run_folder, capsys):
    recipe, prepared = str(run_folder / "small.yaml"), run_folder / "prepared"
    assert main(["prepare", recipe, "--out", str(prepared), "--workers", "1"]) == 0
    assert "of the positions filled" in capsys.readouterr().out
    assert main(["train", recipe, "--prepared", str(prepared), "--out", str(run_folder / "with")]) == 0
    assert "not using" not in capsys.readouterr().err
    alone = ["train", recipe, "--prepared", str(prepared), "--without-rows", "--set", "data.source=mirror:/nowhere"]
    assert main([*alone, "--out", str(run_folder / "alone")]) == 0
    weights = {(run_folder / run / "model/model.safetensors").read_bytes() for run in ("with", "alone", "out")}
    assert len(weights) == 1
    assert main([*alone, "--set", "format.join=newline", "--out", str(run_folder / "other")]) == 1
    assert "was prepared with another tokenizer and another format" in capsys.readouterr().err


def test_two_processes_measure_as_one_does(run_folder):
    arguments = ["eval", str(run_folder / "out"), str(run_folder / "small.yaml"), "--tasks", "sst2", "copa"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "openflan"]
    done = subprocess.run(
        [*command, *arguments, "--out", str(run_folder / "two")],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Every scored prompt") == 1
    one = {row["prompt"]: row for row in read_results(run_folder / "out/eval/tuned").table().to_pylist()}
    two = read_results(run_folder / "two").table().to_pylist()
    assert len(two) >= 4
    for row in two:
        assert row["logprobs"] == pytest.approx(one[row["prompt"]]["logprobs"], abs=1e-4)


def test_eval_as_a_baseline_against_reference_lines(run_folder, capsys):
    arguments = ["eval", str(run_folder / "tiny"), str(run_folder / "small.yaml"), "--tasks", "copa"]
    asked = ["--as", "untuned-zero", "--against", "majority", "flan_zero_avg", "--out", str(run_folder / "zero")]
    assert main([*arguments, *asked]) == 0
    printed = capsys.readouterr().out
    assert "majority" in printed
    assert "90.6" in printed
    assert {row["writer"] for row in read_results(run_folder / "zero").table().to_pylist()} == {"baseline"}
