import pytest
from made_run import write_run

from openflan.api.data import show
from openflan.data.blocks import options_block
from openflan.errors import UnknownNameError
from openflan.evaluation.results import ResultsError
from openflan.playground.gallery import read_gallery
from openflan.playground.rows import PAGE, CatalogRows, Mistakes


def test_the_catalog_has_every_dataset_once_with_its_templates():
    clusters = CatalogRows().tree()
    assert len(clusters) == 12
    names = [one["name"] for cluster in clusters for one in cluster["datasets"]]
    assert len(names) == len(set(names)) == len(CatalogRows().catalog.tasks("all"))
    assert all(len(one["templates"]) >= 10 for cluster in clusters for one in cluster["datasets"])


@pytest.mark.parametrize("dataset", ["imdb", "anli:r1", "copa", "nq_open"])
def test_a_row_reads_as_show_prints_it(dataset):
    for setting in ("options", "bare"):
        found = CatalogRows().prompt(dataset, 2, 1, setting=setting)
        prompt = show(dataset, template=2, rows=2, bare=setting == "bare")[1]
        block = f"\n\n{options_block(found['options'])}" if found["block"] else ""
        assert found["instruction"] + block == prompt.input
        assert found["target"] == prompt.target and found["references"] == list(prompt.references)
        assert found["options"] == list(prompt.options)


def test_rows_go_round():
    rows = CatalogRows()
    count = rows.prompt("copa", 0, 0)["rows"]
    assert rows.prompt("copa", 0, count + 1) == rows.prompt("copa", 0, 1)


def test_wrong_names_are_told():
    with pytest.raises(UnknownNameError, match="did you mean 'copa'"):
        CatalogRows().prompt("kopa", 0, 0)
    with pytest.raises(UnknownNameError, match="use 0 to 9"):
        CatalogRows().prompt("copa", 77, 0)
    with pytest.raises(UnknownNameError, match="several datasets"):
        CatalogRows().prompt("anli", 0, 0)


def test_the_mistakes_of_a_run_are_those_that_were_not_right(tmp_path):
    mistakes = Mistakes([write_run(tmp_path / "made", examples=40)])
    assert mistakes.evaluations == ["made/tuned", "made/untuned", "made/untuned-baseline"]
    seen, start = [], 0
    while (page := mistakes.page("made/tuned", "sst2", start))["prompts"]:
        seen += page["prompts"]
        start += PAGE
    assert len(seen) == page["total"] > PAGE
    assert all(one["said"] not in one["references"] and one["dataset"] == "sst2" for one in seen)
    assert {one["block"] for one in seen} == {True, False}
    assert not any("OPTIONS" in one["instruction"] for one in seen)
    with pytest.raises(ResultsError, match="there are made/tuned"):
        mistakes.page("made/other")


def test_the_gallery_has_the_kinds_and_honest_notes():
    kinds = read_gallery()["kinds"]
    assert len(kinds) >= 9
    items = [item for kind in kinds for item in kind["items"]]
    assert all(item["note"] and item["instruction"].strip() for item in items)
    for item in items:
        assert not item["options"] or item["answer"] in item["options"], item["title"]
        assert not item["pair"] or {item["answer"], item["pair_answer"]} == set(item["options"])
