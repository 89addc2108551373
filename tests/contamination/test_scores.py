"""Scores on clean and dirty examples are those of the same prompts, never asked again."""

import pytest
from made_run import Made, answers, write_evaluation

from openflan.contamination.overlap import Match, Overlap
from openflan.contamination.scores import clean_scores
from openflan.evaluation.analysis.summary import summarize
from openflan.evaluation.results import read_results

COPA = Made("copa", "commonsense", ("The ground was wet.", "The sun came out."))
MATCH = {"premise": Match("w", "corpus", 0)}


@pytest.fixture
def results(tmp_path):
    """Templates that know the first half of the examples, and nothing of the others."""
    rows = list(answers([COPA], lambda made, template, example: 1.0 if example < 6 else 0.0, ["bare"]))
    return read_results(write_evaluation(tmp_path, rows, "made", ["bare"]))


def examples_of(results):
    return list(dict.fromkeys(results.table("example").column("example").to_pylist()))


def overlap_of(results, dirty):
    names = examples_of(results)
    return Overlap("copa", 9, frozenset(names), {names[number]: MATCH for number in dirty}, 0)


def test_the_parts_are_scored_apart(results):
    (line,) = clean_scores(results, [overlap_of(results, range(4))])
    assert (line.name, line.size, line.unknown) == ("copa", 9, 0)
    assert (line.dirty.examples, line.dirty.score) == (4, 100.0)
    assert (line.clean.examples, line.clean.score) == (8, pytest.approx(25.0))
    assert (line.all.examples, line.all.score) == (12, pytest.approx(50.0))
    assert line.all.score == summarize(results).tasks[0].mean.value
    assert line.clean_share == pytest.approx(100 * 8 / 12)
    assert line.difference == pytest.approx(-50.0)


@pytest.mark.parametrize("dirty", [range(0), range(12)])
def test_nothing_or_everything_may_be_dirty(results, dirty):
    (line,) = clean_scores(results, [overlap_of(results, dirty)])
    assert (line.dirty.score is None) == (not dirty)
    assert (line.clean.score is None) == bool(dirty)
    assert line.difference == (None if dirty else 0.0)


def test_what_is_judged_together_is_dirty_together(tmp_path):
    rows = list(answers([COPA], lambda *_: 1.0, ["bare"], templates=1))
    for number, row in enumerate(rows):
        row["group"] = f"question {number // 3}"
    results = read_results(write_evaluation(tmp_path, rows, "made", ["bare"]))
    (line,) = clean_scores(results, [overlap_of(results, [4])])
    assert (line.dirty.examples, line.clean.examples) == (3, 9)


def test_examples_that_were_not_looked_for_are_counted(results):
    names = examples_of(results)
    (line,) = clean_scores(results, [Overlap("copa", 9, frozenset(names[:10]), {}, 0)])
    assert line.unknown == 2
    assert clean_scores(results, [Overlap("rte", 9, frozenset(names), {}, 0)]) == []
