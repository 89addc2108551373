import json

import pytest

from openflan.data.rows import load_rows
from openflan.data.sources import MirrorSource
from openflan.evaluation.prompts import EvalConfig, plan_task
from openflan.tasks.card import Card
from openflan.tasks.registry import Task

ABOUT = {"title": "", "licence": "", "citation": "", "splits": {"test": "test"}}


def loader(root, name, rows):
    (root / name).mkdir(parents=True)
    (root / name / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = MirrorSource(root, "test")
    return lambda task, role: load_rows(task, role, source)


def items(plan, task, load, words):
    planned, notes = plan_task(plan, task, load)
    assert notes == []
    return planned, list(planned.items(words()))


@pytest.fixture
def questions():
    return Task(
        Card.model_validate(
            {
                **ABOUT,
                "name": "questions",
                "cluster": "reading_comprehension",
                "metric": "multirc",
                "sources": [{"columns": {"id": "string", "text": "string", "right": "string"}}],
                "fields": ["text"],
                "group": "{{ id }}",
                "options": {"n": "no", "y": "yes"},
                "answer": "{{ right }}",
                "templates": [{"input": "{{ text }}?\n{{ options_ }}"}],
            }
        )
    )


def test_a_sample_keeps_questions_whole(questions, tmp_path, words):
    rows = [{"id": f"q{n % 10}", "text": f"text {n}", "right": "ny"[n % 2]} for n in range(50)]
    load = loader(tmp_path, "questions", rows)
    _, found = items(EvalConfig(roles=("test",), rows=15), questions, load, words)
    assert len(found) == 15
    sizes = [sum(item.prompt.group == group for item in found) for group in {item.prompt.group for item in found}]
    assert sorted(sizes) == [5, 5, 5]


def test_translation_is_told_apart_by_direction_and_references_follow_the_target(tmp_path, words):
    pair = Task(
        Card.model_validate(
            {
                **ABOUT,
                "name": "pair",
                "cluster": "translation",
                "metric": "bleu",
                "sources": [{"columns": {"en": "string", "de": "string"}}],
                "fields": ["en", "de"],
                "answer": "{{ de }}",
                "templates": [{"input": "German: {{ en }}"}, {"input": "English: {{ de }}", "target": "{{ en }}"}],
            }
        )
    )
    load = loader(tmp_path, "pair", [{"en": "house", "de": "Haus"}, {"en": "tree", "de": "Baum"}])
    planned, found = items(EvalConfig(roles=("test",)), pair, load, words)
    assert {(item.direction, item.prompt.references) for item in found} == {
        ("", ("Haus",)), ("", ("Baum",)), ("en", ("house",)), ("en", ("tree",))
    }  # fmt: skip
    assert planned.questions == len(found) == 4


@pytest.mark.parametrize(
    ("plan", "ranked", "free"),
    [
        (EvalConfig(), 1, 1),
        (EvalConfig(generate="all"), 2, 1),
        (EvalConfig(loss=True), 1, 2),
        (EvalConfig(generate="none"), 1, 0),
        (EvalConfig(generate="none", loss=True), 1, 1),
    ],
)
def test_questions_per_prompt(plan, ranked, free):
    assert (plan.questions_per_prompt(True), plan.questions_per_prompt(False)) == (ranked, free)


def test_a_task_without_rows_is_named_and_the_rest_is_planned(questions, tmp_path):
    load = loader(tmp_path, "others", [{"id": "a", "text": "b", "right": "n"}])
    planned, notes = plan_task(EvalConfig(roles=("test",)), questions, load)
    assert planned is None
    assert notes[0].startswith("not measured: questions: no rows in ")
