from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from openflan.data.fewshot import Shots
from openflan.data.settings import PRESETS, Setting
from openflan.evaluation.analysis.comparison import compare
from openflan.evaluation.analysis.references import Reference
from openflan.evaluation.analysis.summary import summarize
from openflan.evaluation.loop import evaluate
from openflan.evaluation.prompts import EvalConfig, plan_evaluation
from openflan.evaluation.results import ResultsError
from openflan.report.strips import comparison_svg
from openflan.report.tables import comparison_table, remarks, summary_table


@pytest.fixture
def measured(tmp_path, rows_at, weather, capitals, fake_scorer):
    load = rows_at(tmp_path / "rows", 80)

    def measured(name, skill=1.0, plan=None, tasks=(weather, capitals), load=load):
        plan = plan or EvalConfig(roles=("test",))
        asked = plan_evaluation(plan, tasks, load)
        return evaluate(asked, fake_scorer(skill), tmp_path / name, identity={"name": name})

    return measured


def printed(table, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    return console.export_text()


def test_differences_are_those_of_the_summaries_with_tighter_intervals(measured):
    weak, strong = measured("weak", 0.6), measured("strong", 0.7)
    comparison = compare(weak, strong)
    for one, before, after in zip(comparison.tasks, summarize(weak).tasks, summarize(strong).tasks, strict=True):
        assert one.first == pytest.approx(before.mean.value)
        assert one.second == pytest.approx(after.mean.value)
        assert one.difference.value == pytest.approx(one.second - one.first)
        apart = (before.mean.high - before.mean.low) + (after.mean.high - after.mean.low)
        assert one.difference.high - one.difference.low < 0.7 * apart, "the strong one knows all the weak one knows"
        assert one.difference.low <= one.difference.value <= one.difference.high


def test_a_model_does_not_differ_from_itself(measured):
    comparison = compare(measured("one", 0.5), measured("two", 0.5))
    assert all(one.difference.value == 0 for one in comparison.tasks)
    assert all(-5 < one.difference.low < 0 < one.difference.high < 5 for one in comparison.tasks)
    assert all(one.p == 1 and one.verdict == 0 for one in comparison.tasks)


def test_a_clear_winner_is_beyond_doubt_in_both_directions(measured):
    weak, strong = measured("weak", 0.2), measured("strong", 0.9)
    assert all(one.verdict == 1 and one.p < 0.01 for one in compare(weak, strong).tasks)
    assert all(one.verdict == -1 and one.p < 0.01 for one in compare(strong, weak).tasks)


def test_only_what_both_answered_counts(measured, weather):
    every, first = (
        measured("every", 0.6),
        measured("first", 0.6, EvalConfig(templates=(0,), roles=("test",)), [weather]),
    )
    comparison = compare(every, first)
    assert [one.name for one in comparison.tasks] == ["weather"]
    assert comparison.tasks[0].difference.value == 0
    assert comparison.notes == ["only every was scored on capitals"]


def test_other_templates_are_paired_by_example(measured):
    baseline = measured("baseline", 0.3, EvalConfig(settings={"baseline": PRESETS["baseline"]}, roles=("test",)))
    [weather, _] = compare(baseline, measured("tuned", 0.9)).tasks
    assert weather.p is None
    assert weather.examples == 80
    assert weather.verdict == 1


def test_other_rows_are_not_compared(measured, tmp_path, rows_at):
    other = rows_at(tmp_path / "other", 80)
    path = tmp_path / "other" / "weather" / "test.jsonl"
    path.write_text(path.read_text().replace("wet", "DRY").replace("dry", "wet").replace("DRY", "dry"))
    comparison = compare(measured("one"), measured("two", load=other))
    assert [one.name for one in comparison.tasks] == ["capitals"]
    assert comparison.notes == ["weather: no example in common; the two models were evaluated on different rows"]


def test_nothing_in_common_is_an_error(measured, weather, capitals):
    with pytest.raises(ResultsError, match="no answered test example in common"):
        compare(measured("one", tasks=[weather]), measured("two", tasks=[capitals]))


def test_a_summary_fits_the_terminal_and_names_what_does_not(measured):
    summary = summarize(measured("strong", 0.9))
    line = {"weather": Reference(50.0), "capitals": Reference(12.3, "R")}
    table = summary_table(summary, dict.fromkeys(("random", "majority", "flan_zero_avg"), line))
    wide, narrow = printed(table, 100), printed(table, 72)
    assert "12.3ᴿ" in wide
    assert "ᴿ recalled from Table 2" in wide
    assert "no room for" not in wide
    assert "flan zero avg" in narrow.split("no room for: ")[1]
    assert max(map(len, narrow.splitlines())) <= 72
    for task in summary.tasks:
        assert str(task.mean) in narrow


def test_a_comparison_shows_differences_stars_and_a_picture(measured):
    weak, strong = measured("weak", 0.2), measured("strong", 0.9)
    drawn = printed(comparison_table([compare(weak, strong)]))
    assert "***" in drawn
    assert "●" in drawn
    both = printed(comparison_table([compare(weak, strong), compare(weak, measured("third", 0.5))]))
    assert "third" in both


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_digit_of_a_comparison_is_lost(measured, width):
    weak = measured("a-model-with-a-long-name", 0.2)
    comparisons = [compare(weak, measured(name, 0.9)) for name in ("second-model", "third-model")]
    text = printed(comparison_table(comparisons), width)
    assert max(map(len, text.splitlines()[:-1])) <= width
    for one in comparisons:
        for line in (*one.tasks, *one.clusters):
            half = (line.difference.high - line.difference.low) / 2
            assert f"{line.difference.value:+.1f} ±{half:.1f}" in text
            assert line.name in text or line.metric == "average"


def test_a_constant_answer_is_said_beside_its_spread_of_zero(measured, weather):
    summary = summarize(measured("one", tasks=[weather]))
    [task] = summary.tasks
    always = replace(summary, tasks=[replace(task, shares={"yes": 100.0}, std=0.0)])
    assert "always the same answer, whatever is asked: weather ('yes')" in printed(summary_table(always), 100)
    assert "always the same answer" not in printed(summary_table(summary), 100)


def test_failures_and_notes_come_with_the_table(measured, tmp_path, rows_at, weather):
    load = rows_at(tmp_path / "odd", 10)
    path = tmp_path / "odd" / "weather" / "test.jsonl"
    path.write_text(path.read_text().replace("day 3", "day unspeakable 3"))
    assert remarks(summarize(measured("one", tasks=[weather], load=load))) == [
        "weather: 2 prompts not scored (too long)"
    ]


def test_failures_that_differ_in_a_number_are_told_in_one_line(measured, weather):
    summary = summarize(measured("one", tasks=[weather]))
    [task] = summary.tasks
    failures = {f"the prompt has {tokens} tokens, over the limit of 100": 1 for tokens in range(101, 1101)}
    failed = replace(summary, tasks=[replace(task, failures={**failures, "no options to rank": 1})])
    assert remarks(failed) == [
        "weather: 1,000 prompts not scored (for example, the prompt has 101 tokens, over the limit of 100)",
        "weather: 1 prompt not scored (no options to rank)",
    ]


def test_dropped_exemplars_are_reported(measured, weather):
    plan = EvalConfig(roles=("test",), settings={"options": Setting(shots=Shots(count=16, budget=150))})
    [remark] = remarks(summarize(measured("few", tasks=[weather], plan=plan)))
    assert remark.startswith("of 16 exemplars these fitted into 150 tokens on average: weather ")


def test_the_picture_is_svg_with_a_mark_per_model_and_line(measured):
    weak = measured("weak <1>", 0.2)
    comparisons = [compare(weak, measured("strong", 0.9)), compare(weak, measured("third", 0.5))]
    root = ElementTree.fromstring(comparison_svg(comparisons))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"strong", "third", "weather", "capitals"} <= set(texts)
    assert any("weak <1>" in text for text in texts)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len([title for title in titles if " to " in title]) == 2 * (2 + 2), "two datasets and their clusters"
