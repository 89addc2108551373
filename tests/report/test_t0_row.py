"""The T0 row: which results it is made of, and what is printed beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openflan.evaluation.analysis.t0 import spread, t0_columns, t0_printed, t0_sets, t0_statuses
from openflan.tasks.registry import load_catalog


def test_a_run_without_promptsources_prompts_has_no_row(reported: Path):
    assert "t0" not in json.loads((reported / "summary.json").read_text(encoding="utf-8"))
    assert 'id="t0"' not in (reported / "report.html").read_text(encoding="utf-8")


def test_there_are_eleven_sets_and_all_are_the_catalogs():
    assert len(t0_sets()) == 11
    for name in t0_sets():
        assert load_catalog().tasks(name)[0].name == name


def test_every_printed_figure_is_a_per_cent_with_a_known_mark():
    for name in t0_sets():
        printed = t0_printed(name)
        assert list(printed) == list(t0_columns())
        for one in printed.values():
            for figure in (one.mean, one.median):
                assert figure is None or (0 < figure.value < 100 and figure.status in t0_statuses())


def test_what_a_model_was_trained_on_is_marked():
    trained = {(column, name) for name in t0_sets() for column, one in t0_printed(name).items() if one.trained}
    assert trained == {("t0+", "hellaswag"), *(("t0++", name) for name in ("hellaswag", "wsc", "copa", "wic"))}


@pytest.mark.parametrize(
    ("scores", "expected"), [([7.0], (7, 7, 7, 0)), ([1, 2, 3, 4], (2.5, 1.75, 3.25, 1.5)), ([9, 1, 5], (5, 3, 7, 4))]
)
def test_median_and_quartiles(scores: list[float], expected: tuple[float, ...]):
    found = spread(scores)
    assert (*found, found.iqr) == pytest.approx(expected)
