"""Other collections written as cards of one's own."""

from __future__ import annotations

import json

import pytest

from openflan.api.collections import import_tasks
from openflan.cli import main
from openflan.errors import OpenflanError
from openflan.tasks.registry import load_catalog

TEMPLATES = """\
dataset: super_glue
subset: rte
templates:
  a1: !Template
    {answer_choices: Yes ||| No, id: a1, name: ask, reference: '', jinja: "{{premise}}? ||| {{answer_choices[label]}}",
     metadata: !TemplateMetadata {choices_in_prompt: null, languages: [en], metrics: [Accuracy], original_task: true}}
  a2: !Template
    {answer_choices: null, id: a2, name: never, reference: '', jinja: "{% if label == 7 %}a ||| b{% endif %}",
     metadata: !TemplateMetadata {choices_in_prompt: null, languages: [en], metrics: [BLEU], original_task: true}}
"""


@pytest.fixture
def p3(tmp_path):
    folder = tmp_path / "p3" / "super_glue" / "rte"
    folder.mkdir(parents=True)
    (folder / "templates.yaml").write_text(TEMPLATES, encoding="utf-8")
    (tmp_path / "p3" / "LICENSE").write_text("Apache License\nVersion 2.0\n", encoding="utf-8")
    return tmp_path / "p3"


@pytest.fixture
def instructions(tmp_path):
    folder = tmp_path / "instructions"
    folder.mkdir()
    values = {
        "Categories": ["Translation"],
        "Definition": ["Translate."],
        "Instances": [{"input": f"in {number}", "output": f"out {number}"} for number in range(10)],
    }
    (folder / "task5_toy.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_the_cards_say_what_the_collection_says(p3, tmp_path):
    found = import_tasks("promptsource", p3, tmp_path / "cards", silent=True)
    assert (found.cards, found.templates) == (1, 2)
    written, read = (load_catalog(place)["p3_super_glue_rte"] for place in (tmp_path / "cards", f"promptsource:{p3}"))
    assert written.model_dump() == read.model_dump()


def test_what_templates_make_of_rows_is_counted(p3, tmp_path):
    found = import_tasks("promptsource", p3, tmp_path / "cards", source="samples", silent=True)
    assert [one.template for one in found.unfilled] == ["never"]
    ask, never = found.tried
    assert ask.kept == sum(never.dropped.values()) > 0 and not ask.dropped


def test_rows_that_come_along_are_a_mirror(instructions, tmp_path):
    found = import_tasks("natural-instructions", instructions, tmp_path / "cards", silent=True)
    assert found.without_licence == ("ni_task5_toy",)
    instructions.joinpath("task5_toy.json").unlink()
    shown = ["show", "ni_task5_toy", "--cards", str(tmp_path / "cards"), "--source", f"mirror:{tmp_path}/cards/rows"]
    assert main(shown) == 0


def test_the_command_names_what_there_is_to_know(p3, tmp_path, capsys):
    assert main(["import", "promptsource", str(p3), "--out", str(tmp_path / "out"), "--source", "samples"]) == 0
    said = capsys.readouterr().out
    assert "1 card with 2 templates" in said
    assert "licence" not in said, "that of the templates is there, and the catalog knows that of the rows"
    assert "1 template that no row fills: p3_super_glue_rte, 'never'" in said


def test_a_collection_without_a_licence_is_named(p3, tmp_path, capsys):
    (p3 / "LICENSE").unlink()
    assert main(["import", "promptsource", str(p3), "--out", str(tmp_path / "out")]) == 0
    assert "1 dataset whose licence is not known, in part or whole: p3_super_glue_rte" in capsys.readouterr().out


def test_a_folder_with_files_is_refused(p3, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.yaml").write_text("x", encoding="utf-8")
    with pytest.raises(OpenflanError, match="has files already"):
        import_tasks("promptsource", p3, tmp_path / "out", silent=True)


def test_the_linter_names_file_line_and_template(p3, capsys):
    assert main(["lint", f"promptsource:{p3}", "--source", "samples"]) == 1
    (line, _) = capsys.readouterr().out.splitlines()
    assert f"{p3}/super_glue/rte/templates.yaml:7: FLN042 p3_super_glue_rte template 1: 'never'" in line
