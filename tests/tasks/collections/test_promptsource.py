"""promptsource's files as cards, and as templates of the catalog's cards."""

from __future__ import annotations

import pytest

from openflan.data.rows import load_rows
from openflan.data.settings import PRESETS
from openflan.data.sources import parse_source
from openflan.errors import CardError, UnknownNameError
from openflan.tasks.registry import Task, load_catalog

ENTAILS = {
    "jinja": "{{ premise }} So {{ hypothesis }}? ||| {{ answer_choices[label] }}",
    "answer_choices": "Yes ||| No",
}


def test_a_file_of_the_catalogs_rows(promptsource):
    catalog = load_catalog(f"promptsource:{promptsource('super_glue', 'rte', ask=ENTAILS)}")
    card = catalog["p3_super_glue_rte"]
    assert (card.cluster, card.groups, card.metric) == ("nli", ["p3"], "accuracy")
    assert card.licence.startswith("templates: Apache-2.0; rows: SuperGLUE")
    assert [one.name for one in catalog["rte"].foreign] == ["ask"] and len(catalog["rte"].templates) == 10


@pytest.mark.parametrize("dataset", ["rte", "p3_super_glue_rte"])
def test_its_prompts_on_rows(promptsource, dataset):
    task = Task(load_catalog(f"promptsource:{promptsource('super_glue', 'rte', ask=ENTAILS)}")[dataset])
    rows = load_rows(task, "test", parse_source("samples"))
    plain = load_rows(Task(load_catalog()["rte"]), "test", parse_source("samples"))
    (writer,) = PRESETS["promptsource"].writers_of(task)
    written = [writer.write(example) for example in rows]
    assert {prompt.target for prompt in written} == {"Yes", "No"}
    assert {prompt.options for prompt in written} == {("Yes", "No")}
    assert [prompt.target.lower() for prompt in written] == [example.answer for example in plain]


def test_a_dataset_that_the_catalog_does_not_have(promptsource, make_mirror):
    root = promptsource(
        "made-up", ask={"jinja": "{{ q }}? ||| {{ a }}", "metadata": {"metrics": ["ROUGE"]}}, licence=""
    )
    make_mirror("p3_made_up", train=[{"q": "why", "a": "so"}], validation=[{"q": "who", "a": "me"}])
    mirror = make_mirror("p3_made_up")
    card = load_catalog(f"promptsource:{root}")["p3_made_up"]
    assert (card.cluster, card.metric, card.licence) == ("misc", "rouge", "templates: unknown; rows: unknown")
    (example,) = load_rows(Task(card), "test", parse_source(f"mirror:{mirror}"))
    (writer,) = PRESETS["options"].writers_of(Task(card))
    assert writer.write(example).input == "who?"


def test_groups_select(promptsource):
    catalog = load_catalog(f"promptsource:{promptsource('anli', ask=ENTAILS)}")
    assert [task.name for task in catalog.tasks("p3")] == ["p3_anli:r1", "p3_anli:r2", "p3_anli:r3"]
    with pytest.raises(UnknownNameError, match="p3"):
        catalog.tasks("p4")


@pytest.mark.parametrize(
    ("broken", "message"),
    [({"jinja": "{% if %} ||| x"}, "templates.yaml: template 'ask'"), ({"jinja": 3}, "templates.yaml:.*jinja"),
     ({"jinja": "a ||| b", "metadata": {"metrics": "Accuracy"}}, "metrics")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(promptsource, broken, message):
    with pytest.raises(CardError, match=message):
        load_catalog(f"promptsource:{promptsource('anli', ask=broken)}")


def test_a_folder_without_templates_is_named(tmp_path):
    with pytest.raises(CardError, match=r"no templates\.yaml"):
        load_catalog(f"promptsource:{tmp_path}")
    with pytest.raises(CardError, match="no folder"):
        load_catalog(f"promptsource:{tmp_path}/nowhere")


def test_all_real_templates_are_read(shared_data):
    catalog = load_catalog(f"promptsource:{shared_data}/_extra/promptsource")
    cards = [task.card for task in catalog.tasks("p3")]
    unique = {card.name: card for card in cards}.values()
    templates = [template for card in unique for template in card.foreign]
    assert (len(unique), len(templates)) == (66, 566)
    assert sum(not template.inverted for template in templates) == 441
    assert sum(template.choices is not None for template in templates) == 382
    assert sum(bool(card.foreign and card.templates) for card in catalog.values()) >= 34
