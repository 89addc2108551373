import copy
import io
import json
import math

import pytest
import torch
from small_models import byte_tokenizer, small_model_of
from tiny_folder import save_tiny_model

from openflan.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_line_comes_back_with_the_plain_forward_pass(model, tmp_path):
    asked = [
        {"input": "the cat sat on", "options": ["a mat", "the old towns", "rain"], "id": 7},
        {"input": "people", "options": ["fell", "sat"]},
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(json.dumps(line) + "\n\n" for line in asked), encoding="utf-8")
    assert main(["score", str(model), str(path), "--join", "space", "--out", str(tmp_path / "out.jsonl")]) == 0
    scored = lines_of(tmp_path / "out.jsonl")
    assert [line["input"] for line in scored] == [line["input"] for line in asked] and scored[0]["id"] == 7
    for line in scored:
        direct = [continuation_logprob(line["input"], f" {option}") for option in line["options"]]
        assert line["logprobs"] == pytest.approx(direct, abs=1e-4)
        assert line["choice"] == line["options"][direct.index(max(direct))]


def continuation_logprob(context: str, continuation: str) -> float:
    """As lm-eval scores: context and continuation tokenized together, the continuation's log-probabilities summed."""
    tokenizer = byte_tokenizer()
    whole, start = tokenizer.encode(context + continuation).ids, len(tokenizer.encode(context).ids)
    with torch.no_grad():
        logprobs = small_model_of("llama")(torch.tensor([whole])).logits[0].log_softmax(-1)
    return math.fsum(logprobs[place - 1, whole[place]].item() for place in range(start, len(whole)))


def test_bad_lines_say_what_and_where_and_the_rest_is_done(model, tmp_path, capsys):
    path = tmp_path / "asked.jsonl"
    path.write_text(
        '{"input": "rain", "options": ["fell", "sat"]}\n'
        "not json\n"
        '{"input": 3, "options": ["a"]}\n'
        '{"input": "rain", "options": "fell"}\n'
        '{"input": "rain", "options": ["fell", "fell"]}\n'
        '{"input": "rain", "options": []}\n'
        '["a list"]\n',
        encoding="utf-8",
    )
    assert main(["score", str(model), str(path)]) == 1
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert len(lines) == 7 and "logprobs" in lines[0]
    for number, said in [(2, "not JSON"), (3, "input must be a string"), (4, "options must be a list"),
                         (5, "are the same"), (6, "no options"), (7, "expected an object")]:  # fmt: skip
        assert f"{path}:{number}: " in lines[number - 1]["error"]
        assert said in lines[number - 1]["error"]
        assert lines[number - 1]["error"] in printed.err


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json"])
def test_an_incomplete_model_folder_is_named(tmp_path, capsys, missing):
    folder = save_tiny_model(tmp_path / "broken")
    for path in folder.glob(f"{missing.split('.')[0]}*.json"):
        path.unlink()
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"input": "a", "options": ["b"]}\n', encoding="utf-8")
    assert main(["score", str(folder), str(asked)]) == 1
    assert f"{folder} holds no {missing}" in capsys.readouterr().err


def test_no_character_breaks_a_line_or_loses_another(model, tmp_path):
    path, out = tmp_path / "asked.jsonl", tmp_path / "out.jsonl"
    asked = [
        '\ufeff{"input": "first", "options": ["good", "bad"]}',
        '{"input": "a\u2028b\x85c", "options": ["good", "bad"]}',
        '{"input": "half \\ud800", "options": ["good", "bad"]}',
        '{"input": "x", "options": ["good", "bad"], "weight": NaN}',
        '{"input": "last \N{SNOWMAN}", "options": ["good", "bad"]}',
    ]
    path.write_bytes("\n".join(asked).encode() + b'\n{"input": "\xff", "options": ["good"]}\r\n')
    assert main(["score", str(model), str(path), "--out", str(out)]) == 1
    scored = lines_of(out)
    assert [line.get("input") for line in scored[:3]] == ["first", "a\u2028b\x85c", "half \ud800"]
    assert ["choice" in line for line in scored] == [True, True, False, False, True, False]
    errors = [line.get("error", "") for line in scored]
    assert "asked.jsonl:3: the text is not valid Unicode" in errors[2]
    assert "asked.jsonl:4: not JSON: NaN is not a number" in errors[3]
    assert "asked.jsonl:6: not UTF-8 at byte 12" in errors[5]
    assert "\N{SNOWMAN}" in out.read_text(encoding="utf-8")


def test_a_console_that_lacks_characters_gets_escapes(model, tmp_path, monkeypatch):
    path = tmp_path / "asked.jsonl"
    path.write_text('{"input": "\N{SNOWMAN}", "options": ["good", "bad"]}', encoding="utf-8")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", console)
    assert main(["score", str(model), str(path)]) == 0
    console.flush()
    assert json.loads(console.buffer.getvalue())["input"] == "\N{SNOWMAN}"


def test_a_model_that_gives_no_numbers_makes_no_choice(tmp_path):
    broken = copy.deepcopy(small_model_of("llama"))
    torch.nn.init.constant_(broken.lm_head.weight, math.nan)
    folder, path, out = save_tiny_model(tmp_path / "model"), tmp_path / "asked.jsonl", tmp_path / "out.jsonl"
    broken.save_pretrained(folder)
    path.write_text('{"input": "rain", "options": ["fell", "sat"]}', encoding="utf-8")
    assert main(["score", str(folder), str(path), "--out", str(out)]) == 1
    assert "not finite" in lines_of(out)[0]["error"]
    assert "choice" not in lines_of(out)[0]
