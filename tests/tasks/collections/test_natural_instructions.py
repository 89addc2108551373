"""Natural Instructions' tasks as cards."""

from __future__ import annotations

import pytest

from openflan.data.rows import load_rows
from openflan.data.select import DataConfig, select
from openflan.data.settings import PRESETS
from openflan.data.sources import parse_source
from openflan.errors import CardError, MissingRowsError
from openflan.tasks.registry import Task, load_catalog

SAMPLES = parse_source("samples")


def cards(root):
    return f"natural-instructions:{root}"


def test_a_task_is_a_card_and_its_category_a_cluster(instructions):
    catalog = load_catalog(cards(instructions()))
    card = catalog["ni_task001_toy"]
    assert (card.cluster, card.licence) == ("ni_textual_entailment", "MIT")
    assert card.metric == "natural_instructions(score=exact_match)"
    assert "ni_textual_entailment" in catalog.clusters


def test_prompts_have_definition_two_demonstrations_and_the_instance(instructions):
    task = Task(load_catalog(cards(instructions()))["ni_task001_toy"])
    example = load_rows(task, "train", SAMPLES).examples([0])[0]
    shown, alone = (writer.write(example) for writer in PRESETS["options"].writers_of(task))
    assert shown.input.startswith(
        "Say whether {{ braces }} stay.\n\nInput: in 0\nOutput: out 0\n\nInput: in 1\nOutput: out 1\n\n"
    )
    assert alone.input == f"Say whether {{{{ braces }}}} stay.\n\nInput: {example.fields['input']}\nOutput:"
    assert shown.references == (shown.target, "no")


def test_the_authors_lists_are_groups_with_their_rows(instructions):
    instructions("task1", 150, "test")
    root = instructions("task2", 50, "train", Categories=["Translation"])
    catalog = load_catalog(cards(root))
    (test,), (train,) = catalog.tasks("natural_instructions_test"), catalog.tasks("natural_instructions_train")
    rows = load_rows(test, "test", SAMPLES)
    assert sorted(rows.positions.tolist()) == list(range(100)), "the first hundred instances"
    with pytest.raises(MissingRowsError, match="no train rows"):
        load_rows(test, "train", SAMPLES)
    parts = [set(load_rows(train, role, SAMPLES).positions.tolist()) for role in ("train", "test")]
    assert [len(part) for part in parts] == [45, 5] and parts[0].isdisjoint(parts[1])


def test_a_category_and_the_papers_cluster_of_its_kind_hold_each_other_out(instructions):
    place = cards(instructions())
    left = select(DataConfig(tasks=("flan62", "natural_instructions"), hold_out=("nli",), cards=(place,))).left_out
    assert left["ni_task001_toy"].startswith("too close to ")
    left = select(DataConfig(tasks=("flan62",), hold_out=("ni_textual_entailment",), cards=(place,))).left_out
    assert {"rte", "mrpc"} <= left.keys() and "copa" not in left


def test_old_files_and_missing_licences(instructions):
    root = instructions(Definition="One text.", Instance_License=None, Instances=[{"input": "a", "output": "b"}] * 9)
    card = load_catalog(cards(root))["ni_task001_toy"]
    assert card.licence == "unknown" and card.templates[1].input.startswith("One text.")


@pytest.mark.parametrize("broken", [{"Definition": None}, {"Categories": []}, {"Positive_Examples": [{"input": "x"}]}])
def test_a_file_that_lacks_something_is_named(instructions, broken):
    with pytest.raises(CardError, match=r"task001_toy\.json"):
        load_catalog(cards(instructions(**broken)))


def test_a_damaged_file_is_named_with_its_line(instructions):
    root = instructions()
    path = root / "tasks" / "task001_toy.json"
    path.write_text(path.read_text(encoding="utf-8")[:-1], encoding="utf-8")
    with pytest.raises(CardError, match=r"task001_toy\.json:1: not JSON"):
        load_catalog(cards(root))


def test_two_tasks_of_one_name_are_refused(instructions):
    instructions("task1-a")
    with pytest.raises(CardError, match="a second task"):
        load_catalog(cards(instructions("task1.a")))


def test_the_real_sample(shared_data):
    catalog = load_catalog(cards(shared_data / "_extra" / "natural_instructions"))
    sizes = [len(catalog.tasks(f"natural_instructions{part}")) for part in ("", "_train", "_test")]
    assert sizes == [20, 10, 9]
    for task in catalog.tasks("natural_instructions"):
        rows = load_rows(task, "test", SAMPLES)
        writers = PRESETS["options"].writers_of(task)
        assert all(writer.write(example).input for example in rows for writer in writers)
