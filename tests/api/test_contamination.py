"""The whole way: datasets planted in a corpus are found, each example and field of them, and said so."""

import json

import pyarrow.parquet as pq
import pytest

from openflan.api.contamination import find_contamination
from openflan.cli import main
from openflan.contamination.corpus import CorpusError
from openflan.contamination.measured import OPTIONS, measured_task
from openflan.contamination.words import Words, normalise
from openflan.data.rows import load_rows
from openflan.data.sources import parse_source
from openflan.errors import MissingRowsError
from openflan.tasks.registry import load_catalog


def test_planted_test_sets_are_found_in_wikitext_all_of_them(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    page = pq.read_table(shared_data / "_extra" / "wikitext2_valid_test" / "test.parquet")
    lines = page.column(0).to_pylist()
    names = ("rte", "boolq", "piqa")
    source = f"mirror:{shared_data}"
    clean = find_contamination(names, [shared_data / "_extra" / "wikitext2_valid_test"], source=source, silent=True)
    planted, wanted = {}, {}
    for name in names:
        (task,) = load_catalog().tasks(name)
        measured = measured_task(load_rows(task, "test", parse_source(source)))
        texts = [text for text in measured.texts if text.field != OPTIONS]
        long = [text for text in texts if len(Words.of(normalise(text.text.encode()))) >= measured.size]
        wanted[name] = {(text.example, text.field) for text in long}
        planted[name] = [text.text.upper().replace(" ", "  ") for text in long]
    every = [text for texts in planted.values() for text in texts]
    step = max(1, len(lines) // len(every))
    rows = [line + (f" {every.pop()} " if number % step == 0 and every else "") for number, line in enumerate(lines)]
    (tmp_path / "wiki.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in [*rows, *every]))
    found = find_contamination(names, tmp_path / "wiki.jsonl", source=source, out=tmp_path / "out", silent=True)
    for one, before in zip(found.overlaps, clean.overlaps, strict=True):
        got = {(example, field) for example, matches in one.dirty.items() for field in matches}
        assert got >= wanted[one.name]
        assert len(before.dirty) < len(one.dirty)
    assert json.loads((tmp_path / "out" / "contamination.json").read_text())["overlaps"][0]["dataset"] == "rte"
    assert "| rte |" in (tmp_path / "out" / "contamination.md").read_text()


def test_on_the_command_line_corpus_and_mixture_are_looked_into(tmp_path, capsys):
    (task,) = load_catalog().tasks("sst2")
    texts = [text.text for text in measured_task(load_rows(task, "test", parse_source("samples"))).texts]
    (tmp_path / "corpus.txt").write_text("\n".join(texts))
    out = tmp_path / "out"
    arguments = ["quickstart", "--tasks", "sst2", "--corpus", str(tmp_path), "--mixture", "--out", str(out), "--json"]
    assert main(["contamination", *arguments, "--workers", "1"]) == 0
    corpus, mixture = json.loads(capsys.readouterr().out)
    (line,) = corpus["overlaps"]
    assert line["dirty"] == line["examples"] - line["short"] > 0
    assert mixture["overlaps"][0]["dirty"] == 0
    assert main(["contamination", *arguments[:-1], "--workers", "1"]) == 0
    assert "in which fields" in capsys.readouterr().out
    assert (out / "mixture" / "contamination.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "sst2"], "nowhere to look"),
        (["--mixture", "--set", "data.hold_out=[]", "--set", "evaluate.seen=[]"], "nothing to measure"),
        (["--tasks", "sst2", "--corpus", "nowhere.txt"], "no corpus at nowhere.txt"),
    ],
)
def test_what_is_missing_is_said(arguments, message, capsys, tmp_path):
    assert main(["contamination", "quickstart", *arguments, "--out", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


def test_without_rows_or_corpus_there_is_an_error(tmp_path):
    with pytest.raises(CorpusError):
        find_contamination("rte", tmp_path, silent=True)
    with pytest.raises(MissingRowsError, match="none of the tasks"):
        find_contamination("rte", tmp_path, source=f"mirror:{tmp_path}", silent=True)
