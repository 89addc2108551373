"""The rule for the length of n-grams, and what is said of a dataset's fields."""

import pytest

from openflan.api.contamination import measure_texts
from openflan.contamination.measured import MeasuredTask, Text, gram_length, measured_task
from openflan.contamination.overlap import index_of, overlaps
from openflan.contamination.scan import Hit
from openflan.contamination.words import Words, normalise
from openflan.data.rows import load_rows
from openflan.data.select import DataConfig
from openflan.data.sources import parse_source
from openflan.tasks.registry import load_catalog


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([3] * 99 + [50], 8), ([10] * 100, 10), ([9] * 5 + [12] * 95, 11), ([80] * 9, 13), ([], 8)],
)
def test_the_length_is_the_fifth_percentile_within_bounds(lengths, expected):
    assert gram_length(lengths) == expected


@pytest.mark.parametrize(("dataset", "expected"), [("rte", 13), ("anli:r1", 13), ("piqa", 8), ("openbookqa", 8)])
def test_datasets_have_the_lengths_that_were_published(shared_data, dataset, expected):
    source = parse_source(f"mirror:{shared_data}")
    task = load_catalog().tasks(dataset)[0]
    assert measured_task(load_rows(task, "test", source, carve=True)).size == expected


def found(tasks, corpus):
    index = index_of(tasks)
    words = Words.of(normalise(corpus.encode()))
    return overlaps(
        tasks, index, [Hit(member, "corpus", place) for member, place in index.find(words, index.nothing_found())]
    )


def test_it_is_said_which_examples_and_fields_are_dirty():
    ten = "one two three four five six seven eight nine ten"
    other = "red orange yellow green blue indigo violet black white"
    tasks = [
        MeasuredTask(
            "first", 8, ("a", "b"), (Text("a", "text", ten), Text("a", "answer", "yes"), Text("b", "text", "x"))
        ),
        MeasuredTask("empty", 8, (), ()),
        MeasuredTask("second", 9, ("c",), (Text("c", "question", other), Text("c", "context", ten))),
    ]
    first, empty, second = found(tasks, f"so {ten} and so on {other[:40]}")
    assert (first.name, set(first.dirty), first.fields, first.short) == ("first", {"a"}, {"text": 1}, 1)
    assert first.dirty["a"]["text"].words == "one two three four five six seven eight"
    assert first.dirty["a"]["text"].where == 1
    assert (len(empty.examples), empty.dirty) == (0, {})
    assert second.fields == {"context": 1}
    assert second.to_dict()["matches"]["c"]["context"]["path"] == "corpus"


def test_fields_and_answers_are_looked_for_and_never_prompts():
    (task,) = load_catalog().tasks("copa")
    (measured, _), notes = measure_texts([task], DataConfig(), silent=True)
    assert notes == []
    fields = {text.field for text in measured[0].texts}
    rows = load_rows(task, "test", parse_source("samples"))
    assert fields >= {"answer", "options", *next(iter(rows)).fields}
    assert len(measured[0].examples) == len(rows)
