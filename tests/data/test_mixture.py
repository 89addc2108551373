"""The mixture: example i follows from (seed, i), rates are exact, and no row repeats before all were drawn."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openflan.data.mixture import RATE_CAP, Mixture, component
from openflan.data.rows import load_rows
from openflan.errors import MissingRowsError
from openflan.tasks.card import Card
from openflan.tasks.registry import Task

SIZES = {"small": 7, "middle": 40, "large": 130}
CAP = 50


class Rows:
    """Rows in memory: as many numbered ones as the dataset's size."""

    name = "memory"

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes

    def open(self, task: Task) -> Opened:
        return Opened(task, self.sizes[task.name])


class Opened:
    def __init__(self, task: Task, size: int) -> None:
        self.task, self.layout, self.size = task, task.layouts[0], size
        self.origin = self.corpus = task.name

    def splits(self) -> list[str]:
        return ["train"]

    def files(self) -> dict[str, list[Path]]:
        return {}

    def table(self, split: str) -> pa.Table:
        return pa.table({"text": [f"{self.task.name} {i}" for i in range(self.size)]})


def mixture(seed: int = 0, cap: int = CAP, templates: int | None = None, **sizes: int) -> Mixture:
    sizes = sizes or SIZES
    source = Rows(sizes)
    parts = [load_rows(task(name), "train", source) for name in sizes]
    return Mixture([component(part, rate_cap=cap, templates=templates) for part in parts], seed)


def task(name: str) -> Task:
    values: dict[str, Any] = {
        "name": name,
        "title": "",
        "cluster": "misc",
        "licence": "",
        "citation": "",
        "metric": "rouge",
        "sources": [{"columns": {"text": "string"}}],
        "splits": {"train": "train"},
        "fields": ["text"],
        "answer": "{{ text }}",
        "templates": [{"input": f"{number}: {{{{ text }}}}"} for number in range(4)],
    }
    return Task(Card.model_validate(values))


def test_a_round_draws_every_dataset_as_often_as_its_rate() -> None:
    mixed = mixture()
    assert mixed.round == 7 + 40 + CAP
    for number in range(3):
        drawn = Counter(draw.component for draw in mixed.draw(number * mixed.round, (number + 1) * mixed.round))
        assert drawn == {0: 7, 1: 40, 2: CAP}


def test_rate_cap_is_the_papers() -> None:
    assert RATE_CAP == 3000
    rates = {share.name: share.rate for share in mixture(cap=RATE_CAP, below=2999, above=3001).shares()}
    assert rates == {"below": 2999, "above": 3000}


@pytest.mark.parametrize("dataset", range(3))
def test_no_row_comes_twice_within_an_epoch(dataset: int) -> None:
    mixed = mixture()
    drawn = [draw.position for draw in mixed.draw(0, 8 * mixed.round) if draw.component == dataset]
    size = list(SIZES.values())[dataset]
    epochs = [drawn[start : start + size] for start in range(0, len(drawn) - size + 1, size)]
    assert len(epochs) >= 3
    assert all(sorted(epoch) == list(range(size)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


@settings(max_examples=40)
@given(st.integers(0, 3), st.integers(0, 400), st.integers(1, 60), st.lists(st.integers(0, 60), max_size=3))
def test_window_boundaries_do_not_matter(seed: int, start: int, count: int, cuts: list[int]) -> None:
    mixed = mixture(seed)
    bounds = sorted({start, start + count, *(start + min(cut, count) for cut in cuts)})
    pieces = [draw for first, last in pairwise(bounds) for draw in mixed.draw(first, last)]
    assert pieces == mixed.draw(start, start + count)
    prompts = [p for first, last in pairwise(bounds) for p in mixed.prompts(first, last)]
    assert prompts == mixed.prompts(start, start + count)


def test_an_example_follows_from_seed_and_number_alone() -> None:
    first, second = mixture(3), mixture(3)
    assert second.prompts(500, 520) == first.prompts(0, 520)[500:]
    assert mixture(4).prompts(0, 50) != first.prompts(0, 50)
    assert first.fingerprint == second.fingerprint


def test_every_template_has_its_turn() -> None:
    mixed = mixture()
    templates = Counter(draw.choice for draw in mixed.draw(0, 4000))
    assert set(templates) == {0, 1, 2, 3}
    assert all(abs(count / 1000 - 1) < 0.15 for count in templates.values())


def test_templates_may_be_limited_to_the_first() -> None:
    assert {draw.choice for draw in mixture(templates=2).draw(0, 500)} == {0, 1}


def test_prompts_are_those_of_the_draws() -> None:
    mixed = mixture()
    for draw, prompt in zip(mixed.draw(90, 130), mixed.prompts(90, 130), strict=True):
        rows = mixed.parts[draw.component].rows
        assert (prompt.dataset, prompt.writer) == (rows.task.name, str(draw.choice))
        assert prompt.target == rows.examples([draw.position])[0].answer


def test_shares_add_up() -> None:
    shares = mixture().shares(1000)
    assert sum(share.probability for share in shares) == pytest.approx(1)
    assert sum(share.draws for share in shares) == pytest.approx(1000)
    assert all(share.epochs == pytest.approx(share.draws / share.rows) for share in shares)


def test_prompts_that_cannot_be_written_are_counted() -> None:
    mixed = mixture(only=4)
    broken = task("only").card.model_copy(update={"templates": task("only").card.templates[:1] * 2})
    template = broken.templates[1].model_copy(update={"input": "{{ gone }}"})
    part = load_rows(
        Task(broken.model_copy(update={"templates": [broken.templates[0], template]})), "train", Rows({"only": 4})
    )
    mixed = Mixture([component(part, rate_cap=CAP)], 0)
    written = mixed.prompts(0, 100)
    assert len(written) + mixed.unusable["only", "unresolved: 'gone' is undefined"] == 100
    assert 0 < len(written) < 100


@pytest.mark.parametrize("change", [{"seed": 1}, {"cap": 49}, {"templates": 3}, {"other": 7}])
def test_fingerprint_follows_all_that_decides(change: dict[str, Any]) -> None:
    assert mixture(**change).fingerprint != mixture().fingerprint


def test_no_rows_at_all_is_an_error() -> None:
    with pytest.raises(MissingRowsError, match="no dataset with rows"):
        Mixture([])


def test_any_number_can_be_asked_for_at_once() -> None:
    assert len(mixture().draw(10**15, 10**15 + 5)) == 5
