"""What is said of a run: in the right order, never more than its numbers, and the same wherever it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_run import SENTIMENT, Made, Skill, write_run

from openflan.evaluation.analysis.groups import Change
from openflan.evaluation.analysis.statistics import Interval
from openflan.report.evaluations import collect
from openflan.report.findings import Pair, constants, find, lead, say, say_constants, told, verdict
from openflan.report.page import write_report
from openflan.training.card import add_results

PAIR = Pair("tuned_vs_untuned", "untuned", "tuned", "the untuned model with the same instructions")


def always(answer: str) -> Skill:
    return lambda *_: answer


def knows(share: float) -> Skill:
    return lambda *_: share


def test_the_paper_s_comparison_comes_first(reported: Path) -> None:
    first, *others = find(collect(reported))
    assert (first.group, first.comparison, first.change.measure) == ("held_out", "tuned_vs_baseline", "accuracy")
    assert "with its own GPT-3-style prompts" in first.sentence
    same_group = [one.comparison for one in others if (one.group, one.setting) == (first.group, first.setting)]
    assert same_group == sorted(same_group, key=["tuned_vs_baseline", "tuned_vs_untuned"].index)


@pytest.mark.parametrize(
    ("tuned", "baseline", "said"),
    [(1.0, 0.0, "does better"), (0.0, 1.0, "does worse"), (0.5, 0.5, "nothing tells")],
)
def test_the_first_sentence_follows_the_numbers(tmp_path: Path, tuned: float, baseline: float, said: str) -> None:
    skills = {"untuned-baseline": knows(baseline), "untuned": knows(0.5), "tuned": knows(tuned)}
    folder = write_run(tmp_path / "run", skills=skills, examples=40, made=SENTIMENT)
    sentence = lead(find(collect(folder)))
    assert said in sentence
    assert "asked in its own way" in sentence


changes = st.builds(
    lambda ends, before: Change(
        "accuracy", 2, 20, Interval(before, before - 5, before + 5),
        Interval(before + ends[1], before + ends[1] - 5, before + ends[1] + 5), Interval(ends[1], ends[0], ends[2]),
    ),
    st.lists(st.floats(-40, 40), min_size=3, max_size=3).map(sorted),
    st.floats(45, 55),
)  # fmt: skip


@given(changes)
def test_better_and_worse_are_said_only_where_the_interval_leaves_out_zero(change: Change) -> None:
    sentence = say(change, PAIR)
    low, high = change.difference.low, change.difference.high
    if "That is better" in sentence:
        assert low > 0
        assert verdict(change) == 1
    if "That is worse" in sentence:
        assert high < 0
        assert verdict(change) == -1
    if low <= 0 <= high:
        assert "chance may explain" in sentence or "There is no difference" in sentence
    assert "-0.0" not in sentence


def test_no_difference_is_not_a_better_one() -> None:
    nothing = Interval(-0.0001, -0.0002, -0.0001)
    change = Change("accuracy", 1, 4, Interval(50, 40, 60), Interval(50, 40, 60), nothing)
    assert verdict(change) == 0
    assert "There is no difference" in say(change, PAIR)


def test_a_single_dataset_is_one_dataset() -> None:
    change = Change("accuracy", 1, 1, Interval(50, 40, 60), Interval(90, 80, 99), Interval(40, 30, 50))
    assert "on 1 example of 1 dataset." in say(change, PAIR)


def test_a_constant_answer_is_called_so(tmp_path: Path) -> None:
    skills = {"untuned": always("positive"), "tuned": knows(0.7)}
    folder = write_run(tmp_path / "run", skills=skills, made=SENTIMENT)
    found = collect(folder)
    assert {(one.model, one.dataset, one.answer) for one in constants(found)} == {
        ("untuned", "sst2", "positive"),
        ("untuned", "imdb", "positive"),
    }
    sentences = say_constants(constants(found))
    assert len(sentences) == 2, "one for each setting"
    assert all("untuned always answers 'positive' on sst2 and imdb." in one for one in sentences)
    assert told(found, find(found))["Always the same answer"] == sentences


def test_a_constant_answer_is_no_better_than_guessing_by_balanced_accuracy(tmp_path: Path) -> None:
    skills = {"untuned": always("positive"), "tuned": always("negative")}
    write_report(write_run(tmp_path / "run", skills=skills, made=SENTIMENT, examples=30))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    balanced = summary["held_out"]["balanced_accuracy"]["tuned_vs_untuned"]
    assert balanced["value"] == pytest.approx(0)
    assert balanced["before"]["value"] == pytest.approx(50)


def test_few_rows_that_are_all_right_still_have_an_interval(tmp_path: Path) -> None:
    skills = {"untuned": knows(1.0), "tuned": knows(1.0)}
    write_report(write_run(tmp_path / "run", skills=skills, made=SENTIMENT, examples=3))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    after = summary["held_out"]["accuracy"]["tuned_vs_untuned"]["after"]
    assert after["value"] == 100
    assert after["low"] < 90


def test_summary_has_the_keys_that_are_promised(reported: Path) -> None:
    summary = json.loads((reported / "summary.json").read_text(encoding="utf-8"))
    for group in ("held_out", "seen"):
        for comparison in ("tuned_vs_baseline", "tuned_vs_untuned"):
            one = summary[group]["accuracy"][comparison]
            assert {"value", "low", "high"} <= set(one)
            assert one["low"] <= one["value"] <= one["high"]
    assert summary["held_out"] == summary["settings"]["bare"]["held_out"]
    assert set(summary["settings"]) == {"bare", "options"}


def test_a_dataset_that_was_trained_on_is_never_called_held_out(tmp_path: Path) -> None:
    copa = Made("copa", "commonsense", ("The ground was wet.", "The sun came out."))
    other = Made("trec", "misc", ("human", "place"))
    folder = write_run(tmp_path / "run", made=(*SENTIMENT, copa, other))
    groups = {group.key: set(group.names) for group in collect(folder).groups}
    assert groups == {"held_out": {"sst2", "imdb"}, "seen": {"copa"}, "neither": {"trec"}}


def test_the_model_card_says_the_same(reported: Path, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# A model\n", encoding="utf-8")
    findings = write_report(reported).findings
    add_results(card, findings)
    text = card.read_text(encoding="utf-8")
    for sentence in next(iter(findings.values())):
        assert sentence in text.replace("\\", "")
