"""`openflan eval server:…`: the same table as for the folder itself, from a real server too; and it goes on."""

from __future__ import annotations

import json

import pytest
from completions_server import completions
from tiny_folder import save_tiny_model
from tiny_playground import served, tiny_playground

from openflan.cli import main
from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.evaluation.results import LOG, read_results
from openflan.interop.backends.measure import Opening, open_engine
from openflan.interop.backends.selftest import NOTE, check_against, self_test
from openflan.interop.backends.spec import elsewhere
from openflan.model.encoder import encoder_for

pytest.importorskip("httpx")
ASK = ["--tasks", "copa", "--rows", "2", "--set", "evaluate.templates=[0,1]", "--set", "evaluate.settings=bare",
       "--set", "format.input_length=200", "--join", "newline"]  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("served") / "tiny")


@pytest.fixture(scope="module")
def by_torch(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("torch") / "scores"
    assert main(["eval", str(tiny), *ASK, "--out", str(out)]) == 0
    return read_results(out).table().to_pylist()


def same(found, expected):
    plain = [{key: value for key, value in row.items() if key not in ("logprobs", "unconditional", "target_logprob")}
             for row in found]  # fmt: skip
    assert [{key: row[key] for key in plain[0]} for row in expected] == plain
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["logprobs"] == pytest.approx(theirs["logprobs"], abs=1e-3)


def test_the_playground_measured_as_a_server(tiny, by_torch, tmp_path, capsys):
    from openflan.playground.models import open_model

    playground = tiny_playground(tmp_path / "own")
    playground.models.models["saved"] = open_model(tiny, Format(join="newline"), name="saved")
    with served(playground) as address:
        model = f"server:{address}/v1#saved"
        assert main(["eval", model, *ASK, "--tokenizer", str(tiny), "--out", str(tmp_path / "scores")]) == 0
        assert "nats there and" in capsys.readouterr().err  # the folder's own weights had a say
        assert main(["eval", model, *ASK, "--out", str(tmp_path / "none")]) == 1
        assert "with --tokenizer" in capsys.readouterr().err
    same(read_results(tmp_path / "scores").table().to_pylist(), by_torch)


def test_an_interrupted_evaluation_goes_on_and_asks_nothing_twice(tiny, by_torch, tmp_path, capsys):
    out = tmp_path / "scores"
    with completions() as (address, server):
        command = ["eval", f"server:{address}", *ASK, "--tokenizer", str(tiny), "--out", str(out), "--at-once", "2"]
        assert main(command) == 0
        whole = len(server.bodies)
        lines = (out / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
        (out / LOG).write_text("".join(lines[:-2]), encoding="utf-8")
        (out / "prompts.parquet").unlink()
        server.bodies.clear()
        assert main(command) == 0
        assert 2 <= len(server.bodies) < whole
    same(read_results(out).table().to_pylist(), by_torch)
    assert json.loads((out / NOTE).read_text(encoding="utf-8"))["logprobs"]

    only_tokenizer = tmp_path / "tokenizer"
    only_tokenizer.mkdir()
    for path in tiny.glob("*token*"):
        (only_tokenizer / path.name).write_bytes(path.read_bytes())
    with completions(family="qwen3") as (address, _):  # under the same name
        command[1], command[command.index("--tokenizer") + 1] = f"server:{address}", str(only_tokenizer)
        assert main(command) == 1
        assert "it is another" in capsys.readouterr().err


def test_a_wrong_answer_is_in_the_results_and_asked_for_again(tiny, by_torch, tmp_path):
    command = ["eval", "", *ASK, "--tokenizer", str(tiny), "--out", str(tmp_path / "scores"), "--at-once", "1"]
    with completions(dialect="ids") as (address, server):
        command[1] = f"server:{address}"
        # Two to find out how it scores, three of the self-test, and both rows' options after nothing.
        server.faults.extend([""] * 7 + ["tokens"])
        assert main(command) == 1
        failures = [row["failure"] for row in read_results(tmp_path / "scores").table().to_pylist() if row["failure"]]
        assert failures and all("other tokens came back than were sent" in failure for failure in failures)
        assert main(command) == 0
    same(read_results(tmp_path / "scores").table().to_pylist(), by_torch)


def test_the_folders_own_weights_have_a_say(tiny):
    encoder, said = encoder_for(tiny, Format(join="newline")), []
    with completions() as (address, _):
        engine = open_engine(elsewhere(f"server:{address}"), encoder, Opening(tiny))
        found = self_test(engine, encoder)
    check_against(tiny, encoder, found, said.append)
    check_against(tiny, encoder, [one - 0.2 for one in found], said.append)
    assert ["quantization" in line for line in said] == [False, True]
    with pytest.raises(ModelError, match="that is another model"):
        check_against(tiny, encoder, [one - 1 for one in found], said.append)


def test_options_for_models_elsewhere_are_for_those(tiny, capsys):
    assert main(["eval", str(tiny), *ASK, "--at-once", "2"]) == 1
    assert "are for models elsewhere" in capsys.readouterr().err
