"""JSON files of a run folder that somebody may have edited, and the report of a folder with damaged ones."""

import json

import pytest
from made_run import write_run

from openflan.notes import Mixture, Step, read_lines, read_note
from openflan.report.page import write_report
from openflan.sums import DamageError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is damaged: Invalid JSON"),
        ("{", "is damaged: Invalid JSON"),
        ("[" * 100_000, "is damaged: Invalid JSON"),
        ("\ufffd", "is damaged"),
        ("[]", "is damaged: Input should be"),
        ("{}", "is damaged: fingerprint: Field required"),
        ('{"fingerprint": "x", "datasets": [3]}', r"is damaged: datasets\.0: "),
    ],
)
def test_a_damaged_note_is_named_with_the_place(tmp_path, text, said):
    path = tmp_path / "mixture.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DamageError, match=rf"mixture\.json {said}"):
        read_note(path, Mixture)


def test_a_note_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DamageError, match=r"mixture\.json: No such file"):
        read_note(tmp_path / "mixture.json", Mixture)


def test_lines_that_are_not_of_the_type_are_counted(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2.5}\n{"step": "x"}\n{"st', encoding="utf-8")
    assert read_lines(path, Step) == ([Step(1, 2.5)], 2)


@pytest.mark.parametrize("name", ["mixture.json", "train.json", "environment.json", "metrics.jsonl"])
@pytest.mark.parametrize("text", ["{", "[1, 2]"])
def test_a_report_says_which_note_is_damaged_and_shows_the_rest(tmp_path, name, text):
    run = write_run(tmp_path / "run", examples=2, templates=1, settings=("bare",))
    (run / name).write_text(text, encoding="utf-8")
    page = write_report(run).page.read_text(encoding="utf-8")
    assert "Never trained on" in page
    assert f"<code>{name}</code>" in page


def test_a_sound_folder_has_nothing_unread(tmp_path):
    run = write_run(tmp_path / "run", examples=2, templates=1, settings=("bare",))
    write_report(run)
    assert json.loads((run / "summary.json").read_text(encoding="utf-8"))["unread"] == {}
