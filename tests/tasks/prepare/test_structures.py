"""The prepare functions of the struct-to-text cluster, on hand-written rows of the real shape."""

import pytest

from openflan.tasks.prepare import SkipRow
from openflan.tasks.prepare import structures as prepare


def test_concept_sentence_loses_the_tokenisers_space() -> None:
    row = {"concepts": ["dog", "run"], "target": "the dog  runs ."}
    assert prepare.common_gen_sentence(row) == {"sentence": "the dog runs."}


def test_single_concept_is_skipped() -> None:
    with pytest.raises(SkipRow, match="two concepts"):
        prepare.common_gen_sentence({"concepts": ["dog"], "target": "a dog"})


def test_attributes_as_line_and_list() -> None:
    row = {"meaning_representation": "name[Café Sol], eatType[pub], priceRange[more than £30], near[Bob, Son & Co]"}
    assert prepare.e2e_attributes(row) == {
        "facts": "name = Café Sol, eat type = pub, price range = more than £30, near = Bob, Son & Co",
        "fact_lines": "name: Café Sol\neat type: pub\nprice range: more than £30\nnear: Bob, Son & Co",
        "place": "Café Sol",
    }


def test_no_attributes_is_skipped() -> None:
    with pytest.raises(SkipRow, match="no attributes"):
        prepare.e2e_attributes({"meaning_representation": ""})


def test_triples_in_words() -> None:
    row = {"input": ["Oslo_Airport | cityServed | Oslo,_Norway", 'Oslo_Airport | runwayName | "01L/19R"']}
    assert prepare.web_nlg_triples(row) == {
        "facts": "Oslo Airport | city served | Oslo, Norway; Oslo Airport | runway name | 01L/19R",
        "fact_lines": "Oslo Airport | city served | Oslo, Norway\nOslo Airport | runway name | 01L/19R",
        "count": 2,
    }


def test_values_lose_the_marks_of_rdf_and_keep_their_unit() -> None:
    row = {
        "input": [
            'Aida | length | "100305.0"(minutes)',
            'Aida | area | "12.5"^^xsd:double',
            'Aida | name | "Aida"@pt-br',
            'Aida | height | "30" (square kilometres)',
        ]
    }
    assert prepare.web_nlg_triples(row)["fact_lines"].splitlines() == [
        "Aida | length | 100305.0 minutes",
        "Aida | area | 12.5",
        "Aida | name | Aida",
        "Aida | height | 30 square kilometres",
    ]


def test_no_triples_is_skipped() -> None:
    with pytest.raises(SkipRow, match="no triples"):
        prepare.web_nlg_triples({"input": []})


def test_entry_becomes_a_row_for_each_good_text() -> None:
    row = {
        "category": "Airport",
        "size": 1,
        "eid": "Id4",
        "modified_triple_sets": {"mtriple_set": [["Oslo_Airport | cityServed | Oslo"]]},
        "lex": {"text": ["One.", "Two.", "Thre."], "comment": ["good", "good", "toFix"]},
    }
    rows = prepare.web_nlg_entries(row)
    assert [entry["target"] for entry in rows] == ["One.", "Two."]
    assert {entry["entry"] for entry in rows} == {"Airport 1 Id4"}
    assert rows[0]["input"] == ["Oslo_Airport | cityServed | Oslo"]


def test_entry_without_a_good_text_keeps_them_all() -> None:
    row = {
        "category": "Food",
        "size": 1,
        "eid": "Id1",
        "modified_triple_sets": {"mtriple_set": [["Bread | country | France"]]},
        "lex": {"text": ["Bred."], "comment": ["toFix"]},
    }
    assert [entry["target"] for entry in prepare.web_nlg_entries(row)] == ["Bred."]


def test_table_markers_go() -> None:
    row = {"tripleset": [["[TABLECONTEXT]", "[TITLE]", "List of bridges"], ["Bridge_A", "YEAR_BUILT", "1902"]]}
    assert prepare.dart_triples(row)["fact_lines"] == "List of bridges\nBridge A | year built | 1902"
