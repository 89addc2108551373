"""What a report says of a run: constant answers, no difference, and every evaluation that is there."""

import json

import pytest
from made_run import FREE, SEEN, SENTIMENT, answers, write_evaluation, write_run

from openflan.evaluation.results import ResultsError
from openflan.report.page import write_report
from openflan.report.words import number


def sentences(report):
    return [text for part in report.findings.values() for text in part]


def test_a_constant_answer_is_said_to_be_one(tmp_path):
    report = write_report(write_run(tmp_path))
    said = report.findings["Always the same answer"]
    assert any("untuned always answers" in text and "positive" in text for text in said)
    assert not any("tuned always answers" in text and text.count("untuned") == 0 for text in said)


def test_no_difference_is_no_finding_and_zero_has_no_sign(tmp_path):
    skills = dict.fromkeys(("untuned-baseline", "untuned", "tuned"), lambda made, template, example: 0.6)
    report = write_report(write_run(tmp_path, skills=skills))
    said = sentences(report)
    assert any("There is no difference" in text for text in said)
    assert not any("-0.0" in text or "+0.0" in text for text in said)
    assert not any(" better" in text or " worse" in text for text in said)
    assert [number(value, signed=True) for value in (-0.04, 0.0, 0.04, -0.05)] == ["0.0", "0.0", "0.0", "-0.1"]


def test_a_later_evaluation_reaches_the_report(tmp_path):
    folder = write_run(tmp_path)
    rows = list(answers(SENTIMENT, lambda *_: 0.9, ["options"]))
    write_evaluation(folder / "eval" / "later", rows, "later", ["options"])
    write_report(folder)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert set(summary["models"]) == {"untuned-baseline", "untuned", "tuned", "later"}
    assert "later" in (folder / "report.html").read_text(encoding="utf-8")


def test_an_evaluation_folder_needs_no_recipe(tmp_path):
    rows = list(answers((*SENTIMENT, *SEEN), lambda *_: 0.9, ["options"]))
    folder = write_evaluation(tmp_path / "eval-mine", rows, "mine", ["options"])
    assert any("guessing" in text for text in sentences(write_report(folder)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultsError, match="nothing to report on"):
        write_report(tmp_path / "empty")


def test_a_task_without_a_score_does_not_end_the_page(tmp_path):
    folder = write_run(tmp_path, made=(*SENTIMENT, *SEEN, FREE))
    assert write_report(folder).page.stat().st_size > 0


def test_what_was_left_out_has_a_whole(tmp_path):
    folder = write_run(tmp_path)
    note = {"drawn": 4096, "left_out": {"copa: longer than a row": 95}}
    (folder / "dropped.json").write_text(json.dumps(note), encoding="utf-8")
    page = write_report(folder).page.read_text(encoding="utf-8")
    assert "of 4,096 examples drawn: copa: longer than a row (95)" in page
