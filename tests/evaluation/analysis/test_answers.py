"""Columns of scored prompts say what their rows say, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.order import hash64
from openflan.evaluation.analysis.answers import KIND, Answers
from openflan.evaluation.analysis.blocks import SECONDARY_METRICS, Block, prediction
from openflan.evaluation.analysis.groups import MEASURES
from openflan.evaluation.analysis.statistics import _CHUNK, bootstraps
from openflan.evaluation.metrics import Judged, metric
from openflan.evaluation.results import SCHEMA

OPTIONS = st.sampled_from([["yes", "no"], ["no", "yes"], ["a\x1fb"], ["a", "b"], ["é", "e\u0301x", ""], []])
NUMBERS = st.floats(-9, 0)


@st.composite
def rows(draw: Any) -> dict[str, Any]:
    """A row of results, in what statistics read of it."""
    options = draw(OPTIONS)
    asked = draw(st.booleans())
    return {
        "writer": draw(st.sampled_from(["0", "1", "10", "name"])),
        "example": draw(st.sampled_from(["aa", "bb", "cc"])),
        "group": draw(st.sampled_from([None, "", "bb", "q"])),
        "options": options,
        "references": [draw(st.sampled_from(options or ["cat", "dog"])), *draw(st.lists(st.just("cat"), max_size=1))],
        "choice": draw(st.sampled_from([None, *options])),
        "generated": draw(st.sampled_from([None, "yes", "Yes.", "cat"])),
        "logprobs": [draw(NUMBERS) for _ in options] if draw(st.booleans()) else [],
        "unconditional": [draw(NUMBERS) for _ in options] if draw(st.booleans()) else [],
        "target_logprob": draw(NUMBERS) if asked else None,
        "target_tokens": draw(st.integers(1, 9)) if asked else None,
    }


def answers_of(some: list[dict[str, Any]]) -> Answers:
    names = list(some[0])
    table = pa.Table.from_pylist(some, schema=pa.schema([SCHEMA.field(name) for name in names]))
    return Answers(len(some), lambda wanted: table.select(list(wanted)))


def unit(row: dict[str, Any]) -> tuple[str, str]:
    return ("", row["example"]) if row["group"] is None else (row["group"], "")


@given(some=st.lists(rows(), min_size=1, max_size=20))
def test_columns_say_what_rows_say(some: list[dict[str, Any]]) -> None:
    answers = answers_of(some)
    assert answers.said.to_pylist() == [prediction(row) for row in some]
    assert [answers.kinds[kind] for kind in answers.kind] == [{name: row[name] for name in KIND} for row in some]
    names, numbers = answers.writers
    assert names == sorted({row["writer"] for row in some}, key=lambda name: (len(name), name))
    assert [names[number] for number in numbers] == [row["writer"] for row in some]
    block = Block("toy", "nli", metric("accuracy"), answers)
    units = sorted(set(map(unit, some)))
    assert [units[number] for number in block.numbers(block.units())] == [unit(row) for row in some]


@given(some=st.lists(rows(), min_size=1, max_size=20))
def test_sums_are_those_of_the_rows(some: list[dict[str, Any]]) -> None:
    block = Block("toy", "nli", metric("accuracy"), answers_of(some))
    units = sorted(set(map(unit, some)))
    expected = np.zeros((len(block.writers), len(units), 2))
    for row in some:
        if (said := prediction(row)) is not None:
            place = block.writers.index(row["writer"]), units.index(unit(row))
            expected[place] += block.metric.statistics([Judged(said, row["references"], row["options"])])[0]
    if block.writers:
        assert np.array_equal(block.sums(block.units()), expected)


@given(some=st.lists(rows(), min_size=1, max_size=20))
def test_measures_are_those_of_the_rows(some: list[dict[str, Any]]) -> None:
    answers = answers_of(some)
    ranked = [place for place, row in enumerate(some) if row["choice"] is not None]
    found = MEASURES["accuracy"](answers)
    assert found.rows.tolist() == ranked
    assert found.shares[:, 0].tolist() == [
        100.0 * (some[place]["choice"] in some[place]["references"]) for place in ranked
    ]
    gains = MEASURES["pmi_accuracy"](answers)
    for place, share in zip(gains.rows.tolist(), gains.shares, strict=True):
        row = some[place]
        raised = [one - alone for one, alone in zip(row["logprobs"], row["unconditional"], strict=True)]
        assert share[0] == 100.0 * (row["options"][int(np.argmax(raised))] in row["references"])
    loss = SECONDARY_METRICS["loss"](answers)
    assert [tuple(share[:2]) for share in loss.shares] == [
        (-row["target_logprob"], row["target_tokens"]) for row in some if row["target_logprob"] is not None
    ]
    written = SECONDARY_METRICS["written_accuracy"](answers)
    assert all(some[place]["generated"] is not None and some[place]["options"] for place in written.rows.tolist())


@given(some=st.lists(rows(), min_size=1, max_size=20), data=st.data())
def test_some_of_the_rows_are_their_columns(some: list[dict[str, Any]], data: Any) -> None:
    which = data.draw(st.lists(st.integers(0, len(some) - 1), unique=True))
    part, whole = answers_of(some).take(np.array(which, dtype=np.int64)), answers_of(some)
    assert part.said.to_pylist() == [whole.said.to_pylist()[place] for place in which]
    assert len(Block("toy", "nli", metric("accuracy"), part).writers) <= len(which)


def test_threads_draw_what_one_draws() -> None:
    sums = np.random.default_rng(0).random((2, 1500, 3))
    [found] = bootstraps([sums], lambda one: one[..., 0], key=7, samples=1000)
    alone = []
    for start in range(0, 1000, _CHUNK):
        generator = np.random.default_rng(hash64("bootstrap", 7, start))
        weights = generator.multinomial(1500, np.full(1500, 1 / 1500), size=_CHUNK).astype(np.float64)
        alone.append(np.tensordot(weights, sums, axes=([1], [1]))[..., 0])
    assert np.array_equal(found, np.concatenate(alone))
