import json

import pytest

from openflan.data.rows import load_rows
from openflan.data.sources import MirrorSource
from openflan.errors import UnknownNameError
from openflan.evaluation.analysis.references import (
    MODEL_BASELINES,
    chance,
    majority,
    paper_columns,
    published,
    references,
    statuses,
)
from openflan.evaluation.loop import evaluate
from openflan.evaluation.prompts import EvalConfig, plan_evaluation
from openflan.tasks.card import Card
from openflan.tasks.registry import Task, load_catalog


@pytest.fixture
def load(tmp_path, rows_at):
    return rows_at(tmp_path / "rows")


def test_majority_gives_the_training_splits_most_frequent_answer(load, weather):
    assert majority(weather, load).value == 75, "three days in four are wet"


def test_chance_is_exact_for_accuracy(load, weather):
    assert chance(weather, load).value == 50


def test_free_form_tasks_have_neither(load, capitals):
    assert majority(capitals, load) is None
    assert chance(capitals, load) is None


def test_chance_takes_the_number_of_options_of_each_row_and_every_gold_answer(tmp_path):
    card = Card.model_validate(
        {
            "name": "pick", "title": "Pick", "cluster": "misc", "licence": "", "citation": "", "metric": "accuracy",
            "sources": [{"columns": {"names": "list[string]", "gold": "list[string]"}}],
            "splits": {"test": "test"}, "fields": {}, "options": "{{ names }}", "answer": "{{ gold[0] }}",
            "references": "{{ gold }}", "templates": [{"input": "Pick.\n{{ options_ }}"}],
        }
    )  # fmt: skip
    rows = [{"names": list("ab"), "gold": ["a"]}, {"names": list("abcd"), "gold": ["a", "b", "c"]}]
    folder = tmp_path / "pick"
    folder.mkdir()
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = MirrorSource(tmp_path, "test")
    load = lambda task, role: load_rows(task, role, source)  # noqa: E731
    assert chance(Task(card), load).value == pytest.approx(100 * (1 / 2 + 3 / 4) / 2)
    assert majority(Task(card), load).value == 100, "without a training split, the test split's own"


def test_reference_lines_are_of_the_rows_that_were_scored(tmp_path, load, weather, fake_scorer):
    plan = plan_evaluation(EvalConfig(rows=5, templates=(0,)), [weather], load)
    results = evaluate(plan, fake_scorer(), tmp_path / "out", identity={"name": "fake"})
    golds = [row["target"] for row in results.table("target").to_pylist()]
    assert len(golds) == 5
    lines = references(["majority", "random"], [weather], load, results)
    assert lines["majority"]["weather"].value == 100 * golds.count("yes") / 5 != 75
    assert lines["random"]["weather"].value == 50


def test_triviaqa_has_a_row_for_each_test_set():
    dev, wikipedia = "trivia_qa", "trivia_qa/wikipedia"
    assert dev not in published("gpt3_zero") and dev not in published("gpt3_few")
    assert (published("gpt3_zero")[wikipedia].value, published("gpt3_few")[wikipedia].value) == (64.3, 71.2)
    assert (published("flan_zero_avg")[dev].value, published("flan_zero_avg")[wikipedia].value) == (55.0, 66.5)


def test_published_figures_have_known_names_marks_and_ranges():
    catalog = load_catalog()
    for column in paper_columns():
        for name, reference in published(column).items():
            task, _, _ = name.partition("/")
            assert [found.name for found in catalog.tasks(task)] == [task]
            assert reference.status in statuses()
            assert 0 < reference.value < 100
    assert published("flan_zero_avg")["rte"].value == 78.3
    assert published("gpt3_zero")["wmt14_enfr"].value == 25.2
    assert published("flan_zero_avg")["rte"].mark == ""
    assert published("flan_zero_best_dev")["rte"].mark == "ᴿ"


def test_reference_lines_by_name(load, weather, capitals):
    lines = references(["random", "gpt3_few"], [weather, capitals], load)
    assert lines["random"].keys() == {"weather"}
    assert lines["gpt3_few"]["cb"].value == 82.1
    with pytest.raises(UnknownNameError, match="did you mean 'majority'"):
        references(["majorty"], [], load)


def test_untuned_models_are_asked_in_three_ways():
    asked = {name: (one.setting, one.shots, one.join) for name, one in MODEL_BASELINES.items()}
    assert asked == {
        "untuned-zero": ("baseline", 0, "space"),
        "untuned-few": ("baseline", 10, "space"),
        "untuned-instructions": ("options", 0, "newline"),
    }
