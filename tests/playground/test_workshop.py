import pytest

from openflan.data.lint import lint_rows
from openflan.data.sources import parse_source
from openflan.errors import CardError
from openflan.playground.tryout import Attempt, Tryout, attempted
from openflan.playground.workshop import Workshop, WorkshopRequest
from openflan.tasks.cardfile import read_card
from openflan.tasks.lint import CardFile, lint_card
from openflan.tasks.registry import load_catalog


@pytest.fixture(scope="module")
def tryout():
    made = Tryout()
    yield made
    made.close()


@pytest.fixture
def workshop(tmp_path, tryout):
    made = Workshop(tmp_path / "cards")
    made._tryout = tryout
    return made


def request(workshop, dataset="copa", **changes):
    templates = workshop.templates(dataset)["templates"]
    return WorkshopRequest.model_validate({"dataset": dataset, "templates": templates, **changes})


def with_input(workshop, text, **changes):
    asked = request(workshop, **changes)
    asked.templates[0].input = text
    return asked


def test_prompts_and_findings_are_shown_while_a_template_is_written(workshop):
    found = workshop.attempt(
        with_input(workshop, "{{ premise }}  Why or what then?\n\n{{ options_ }}", start=1, count=2)
    )
    assert found["error"] is None and [one["place"] for one in found["prompts"]] == [1, 2]
    first = found["prompts"][0]
    assert first["input"].startswith(first["fields"]["premise"]) and "OPTIONS:\n- " in first["input"]
    assert "OPTIONS" not in first["bare"] and first["target"] in first["options"]
    assert "FLN008" in {one["code"] for one in found["findings"] if one["template"] == 0}


@pytest.mark.parametrize(("text", "said"), [
    ("{{ premise", "templates.0.input: unexpected end of template"),
    ("{{ premise.__class__ }}", "unresolved"),
    ("{{ nothing }}", "unresolved"),
    ("{{ 'x' * 10000000 }}", "unresolved"),
])  # fmt: skip
def test_what_is_wrong_with_a_template_is_said(workshop, text, said):
    found = workshop.attempt(with_input(workshop, text))
    skipped = [one.get("skipped", "") for one in found["prompts"]]
    assert said in (found["error"] or "") or all(said in one for one in skipped)
    assert found["error"] or skipped


ENDLESS = "".join(f"{{% for {name} in range(1000) %}}" for name in "abc") + "{% endfor %}" * 3 + "{{ premise }}"
GROWING = (
    "{% set ns = namespace(text=premise) %}{% for a in range(60) %}{% set ns.text = ns.text ~ ns.text %}{% endfor %}"
    "{{ ns.text }}"
)


@pytest.mark.parametrize("text", [ENDLESS, GROWING])
def test_a_template_without_end_or_measure_is_ended(workshop, text):
    found = workshop.attempt(with_input(workshop, text))
    said = [found["error"] or "", *(one.get("skipped", "") for one in found["prompts"])]
    assert any("does not end, or makes more than a text may" in one for one in said), said
    assert workshop.attempt(request(workshop))["prompts"]


def test_every_card_comes_through_the_workshop_as_it_was(tmp_path):
    """Values read from a card and written again mean the same card."""
    for card in load_catalog().values():
        workshop = Workshop(tmp_path)
        path = workshop.save(request(workshop, card.name))["path"]
        again = read_card(tmp_path / f"{card.name}.yaml")
        assert again == card and path.endswith(f"{card.name}.yaml")


def test_a_card_is_saved_read_again_and_never_written_over_unasked(workshop, tmp_path):
    asked = with_input(workshop, "{{ premise }}\n\nWhat now?\n\n{{ options_ }}")
    saved = workshop.save(asked)
    assert saved["text"] == (tmp_path / "cards" / "copa.yaml").read_text(encoding="utf-8")
    assert workshop.templates("copa")["templates"][0]["input"] == asked.templates[0].input
    with pytest.raises(CardError, match="is there already; save again to replace it"):
        workshop.save(asked)
    assert workshop.save(asked.model_copy(update={"replace": True}))["text"] == saved["text"]
    broken = with_input(workshop, "{{ premise").model_copy(update={"replace": True})
    with pytest.raises(CardError, match=r"line \d+: templates.0.input: "):
        workshop.save(broken)
    assert (tmp_path / "cards" / "copa.yaml").read_text(encoding="utf-8") == saved["text"]
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["copa.yaml"]


def test_the_findings_are_those_of_the_saved_card(workshop, tmp_path):
    asked = with_input(workshop, "{{ premise }}\n\nIn short, {{ options_ }} is it?")
    found = workshop.attempt(asked)
    workshop.save(asked)
    file = CardFile.read(tmp_path / "cards" / "copa.yaml")
    findings = [*lint_card(file), *lint_rows(file, parse_source("samples"), required=False)]
    assert [(one["code"], one["template"]) for one in found["findings"]] == [(f.code, f.template) for f in findings]


def test_a_dataset_without_rows_is_a_sentence(tmp_path, make_mirror, toy_rows):
    mirror = make_mirror(train=toy_rows(40))
    workshop = Workshop(tmp_path, f"mirror:{mirror}")
    asked = request(workshop)
    found = attempted(Attempt(workshop._card("copa")[1], f"mirror:{mirror}"))
    assert asked.templates and "copa" in found["error"]
