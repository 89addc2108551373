"""Submixtures: weights decide between them, rates within; what is not at hand gives its weight to the others."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as given_some
from hypothesis import strategies as st

from openflan.api.data import mixture
from openflan.data.mixture import rate_of
from openflan.data.submixtures import shares_of
from openflan.errors import OverlapError, RecipeError, UnknownNameError

PARTS: dict[str, Any] = {
    "flan": {"tasks": ["rte", "copa", "sst2"], "weight": 0.4},
    "more": {"tasks": "trec ag_news", "weight": 0.1, "settings": "bare", "rate_cap": 50},
}


def mixed(**data: Any):
    return mixture(silent=True, **{"submixtures": PARTS, **data})


def test_weights_decide_between_the_parts_and_rates_within_them():
    shares = mixed().mixture.shares()
    drawn = Counter[str]()
    for one in shares:
        drawn[one.submixture] += one.probability
    assert drawn == pytest.approx({"flan": 0.8, "more": 0.2}, abs=1e-3)
    rows = {one.name: (one.rows, one.probability) for one in shares}
    assert rows["rte"][1] / rows["copa"][1] == pytest.approx(rows["rte"][0] / rows["copa"][0], rel=0.01)
    assert rows["trec"][1] == pytest.approx(rows["ag_news"][1], rel=0.01)


def test_a_part_is_put_in_its_own_settings_and_else_in_the_sections():
    settings = {one.submixture: dict(one.settings) for one in mixed(settings="plain").mixture.shares()}
    assert settings == {"flan": {"plain": 1.0}, "more": {"bare": 1.0}}


def test_one_dataset_may_be_in_several_parts():
    parts = {**PARTS, "again": {"tasks": "rte", "weight": 0.5, "settings": "plain"}}
    view = mixed(submixtures=parts)
    assert [one.submixture for one in view.mixture.shares() if one.name == "rte"] == ["flan", "again"]
    assert sum(part.task.name == "rte" for part in view.rows.parts) == 1


def test_a_part_that_is_not_at_hand_stops_or_gives_its_weight_to_the_others_and_is_named():
    parts = {**PARTS, "t0": {"tasks": "of_elsewhere", "weight": 0.5}}
    with pytest.raises(UnknownNameError, match="of_elsewhere"):
        mixed(submixtures=parts)
    notes = "\n".join(mixed(submixtures=parts, missing="skip").table.notes)
    assert "flan 80.0%, more 20.0%" in notes
    assert "t0 (0.5)" in notes


def test_a_part_loses_what_is_held_out_but_a_dataset_that_it_names_is_a_contradiction():
    view = mixed(submixtures={"flan": {"tasks": "flan62_short", "weight": 1}}, hold_out="nli")
    assert view.left_out["rte"] == "held out"
    with pytest.raises(OverlapError, match="rte"):
        mixed(hold_out="nli")


@pytest.mark.parametrize("weight", [0, -1, float("nan")])
def test_a_weight_is_above_zero(weight: float):
    with pytest.raises(RecipeError, match="weight"):
        mixed(submixtures={"flan": {"tasks": "rte", "weight": weight}})


def test_parts_leave_other_mixtures_as_they_were():
    plain = mixture("rte", silent=True).mixture
    assert {one.submixture for one in plain.shares()} == {""}
    assert plain.fingerprint != mixed(submixtures={"a": {"tasks": "rte", "weight": 1}}).mixture.fingerprint


@given_some(max_examples=30)
@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(1e-3, 1e3), min_size=1), st.data())
def test_shares_sum_to_one_and_keep_their_proportions(weights: dict[str, float], data: st.DataObject):
    kept = data.draw(st.lists(st.sampled_from(sorted(weights)), min_size=1, unique=True))
    shares = shares_of(weights, kept)
    assert sum(shares.values()) == pytest.approx(1)
    for one in kept:
        assert shares[one] / shares[kept[0]] == pytest.approx(weights[one] / weights[kept[0]])


def test_the_flan_collections_weights_come_to_its_table():
    settings = {"flan": 4, "t0": 4, "niv2": 2, "cot": 2, "dialog": 2}
    shares = shares_of({"flan": 0.40, "t0": 0.32, "niv2": 0.20, "cot": 0.05, "dialog": 0.03}, settings)
    per_setting = [100 * shares[name] / count for name, count in settings.items() for _ in range(count)]
    assert per_setting == pytest.approx([10] * 4 + [8] * 4 + [10] * 2 + [2.5] * 2 + [1.5] * 2)


def test_t0s_rates_are_its_codes_and_its_papers():
    cnn, wiki_bio = (287_113, 9), (582_659, 5)
    code = {name: rate_of(*size, 500_000, "template") for name, size in (("cnn", cnn), ("bio", wiki_bio))}
    paper = {name: rate_of(*size, 500_000, "dataset") for name, size in (("cnn", cnn), ("bio", wiki_bio))}
    assert code == {"cnn": 9 * 287_113, "bio": 500_000}
    assert paper == {"cnn": 287_113, "bio": 500_000}
    total = 17.28e6  # of all templates of T0's 38 training sets
    assert 100 * code["cnn"] / total == pytest.approx(15.0, abs=0.1)
    assert 100 * code["bio"] / total == pytest.approx(2.9, abs=0.05)
