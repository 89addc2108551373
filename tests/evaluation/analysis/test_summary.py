import json

import numpy as np
import pytest

from openflan.evaluation.analysis.blocks import blocks, line_name
from openflan.evaluation.analysis.summary import summarize
from openflan.evaluation.loop import evaluate
from openflan.evaluation.prompts import EvalConfig, plan_evaluation
from openflan.evaluation.results import SCHEMA, read_results, writing_results
from openflan.evaluation.scoring.interface import Ranking


def row(dataset="rte", writer="0", number=0, right=True, split="test", **values):
    options = ["yes", "no"]
    return {
        "dataset": dataset, "variant": "", "direction": "", "cluster": "nli", "metric": "accuracy", "split": split,
        "setting": "options", "writer": writer, "block": True, "example": f"{number:016x}",
        "row": number, "group": None, "shots": 0, "shortened": False, "prompt": "",
        "options": options, "target": "yes", "references": ["yes"], "logprobs": [-1.0, -2.0], "tokens": [1, 1],
        "unconditional": [],
        "choice": options[not right], "generated": None, "target_logprob": -1.0, "target_tokens": 1, "score": None,
        "failure": None, **values,
    }  # fmt: skip


@pytest.fixture
def results(tmp_path):
    def write(rows, name="model"):
        with writing_results(tmp_path / name, {"name": name}, {"settings": {"options": {}}}) as add:
            add(rows)
        return read_results(tmp_path / name)

    return write


def grid(accuracies, split="test", rows=20, **values):
    """A dataset on which template number t is right on the first `accuracies[t]` of `rows`."""
    return [
        row(writer=str(t), number=n, right=n < right, split=split, **values)
        for t, right in enumerate(accuracies)
        for n in range(rows)
    ]


def test_mean_and_standard_deviation_are_over_templates(results):
    [task] = summarize(results(grid([10, 16, 4]))).tasks
    assert task.mean.value == pytest.approx(50)
    assert task.std == pytest.approx(np.std([50, 80, 20], ddof=1))
    assert [template.scores["accuracy"] for template in task.templates] == [50, 80, 20]
    assert task.mean.low < 50 < task.mean.high
    assert task.best is None


def test_the_best_template_on_dev_is_reported_on_test(results):
    [task] = summarize(results(grid([10, 16, 4]) + grid([2, 1, 2], "dev", 4))).tasks
    assert task.best_template == "0", "the first of equals"
    assert task.best.value == 50


def test_where_less_is_better_the_best_template_is_the_lowest(results):
    edits = {"metric": "edit_distance", "options": [], "choice": None, "references": ["a b c d"]}
    said = {"0": "a b c d", "1": "a b", "2": "a"}
    rows = [
        row(writer=template, number=n, split=split, generated=text, **edits)
        for template, text in said.items()
        for n in range(3)
        for split in ("dev", "test")
    ]
    summary = summarize(results(rows))
    assert summary.tasks[0].best_template == "0"
    assert summary.tasks[0].mean.value == pytest.approx(5 / 3)
    assert list(summary.clusters) == [], "edits and per cent have no average"


def test_templates_are_ordered_by_number(results):
    [task] = summarize(results(grid([1] * 11))).tasks
    assert [template.template for template in task.templates] == [str(n) for n in range(11)]


def test_clusters_average_datasets_each_variant_counting_as_one(results):
    rounds = [grid([right], dataset="anli", variant=f"r{n}") for n, right in enumerate((8, 10, 12), 1)]
    summary = summarize(results([*rounds[0], *rounds[1], *rounds[2], *grid([20], dataset="cb", rows=40)]))
    [cluster] = summary.clusters
    assert cluster.members == ["anli:r1", "anli:r2", "anli:r3", "cb"]
    assert cluster.mean.value == pytest.approx(np.mean([40, 50, 60, 50]))
    widths = [task.mean.high - task.mean.low for task in summary.tasks]
    assert cluster.mean.high - cluster.mean.low < min(widths)


def test_figure_1_comes_out_of_table_2():
    """The way averages are formed, on the paper's own figures."""
    from openflan.evaluation.analysis.references import PAPER_RESULTS, paper_columns, published

    clusters = json.loads(PAPER_RESULTS.read_text(encoding="utf-8"))["clusters"]
    found = 0
    for column in paper_columns():
        scores = published(column)
        for printed in clusters.get(column, {}).values():
            mean = np.mean([scores[name].value for name in printed["members"]])
            assert mean == pytest.approx(printed["value"], abs=0.0501)
            found += 1
    assert found == 9


def test_the_average_is_over_clusters_however_many_datasets_they_have(results):
    rows = [*grid([8], dataset="a"), *grid([12], dataset="b"), *grid([20], dataset="c", cluster="coreference")]
    summary = summarize(results(rows))
    assert summary.average.mean.value == pytest.approx((50 + 100) / 2)
    assert summary.average.members == ["nli", "coreference"]
    assert summarize(results(rows[:40])).average is None


def test_directions_of_translation_are_lines_of_their_own(results):
    rows = [*grid([20], dataset="wmt"), *grid([10], dataset="wmt", direction="en")]
    assert [task.name for task in summarize(results(rows)).tasks] == ["wmt", "wmt/en"]
    assert line_name("anli", "r1", "") == "anli:r1"


def test_failed_prompts_are_counted_and_left_out(results):
    rows = grid([10, 10])
    rows[3].update(choice=None, failure="too long")
    rows += [row(writer="2", number=n, choice=None, failure="no memory") for n in range(20)]
    [task] = summarize(results(rows)).tasks
    assert task.failures == {"too long": 1, "no memory": 20}
    assert [template.prompts for template in task.templates] == [19, 20]
    assert task.templates[0].scores["accuracy"] == pytest.approx(100 * 9 / 19)


def test_multirc_resamples_questions(results):
    rows = [
        row(dataset="multirc", metric="multirc", number=n, group=f"q{n // 4}", options=["no", "yes"], choice="yes")
        for n in range(20)
    ]
    block = blocks(results(rows), "test")["multirc"]
    assert len(block.units()) == 5
    [task] = summarize(results(rows)).tasks
    assert task.scores == {"f1": 100, "exact_match": 100}


def test_a_summary_is_plain_values(results):
    import json

    summary = summarize(results(grid([10, 16])))
    assert json.loads(json.dumps(summary.to_dict()))["tasks"][0]["mean"]["value"] == 65


def test_numbers_do_not_move_with_the_order_rows_were_scored_in(results):
    rows = grid([10, 16]) + grid([3, 4], "dev")
    assert summarize(results(rows)).tasks == summarize(results(rows[::-1])).tasks


def test_every_column_is_filled_as_the_schema_says(tmp_path, rows_at, weather, fake_scorer):
    class Confident(fake_scorer):
        def rank(self, requests, known=()):
            return ((number, Ranking([0.0, -1.0], [1, 3])) for number in range(len(requests)))

    load = rows_at(tmp_path / "rows")
    plan = plan_evaluation(EvalConfig(), [weather], load)
    results = evaluate(plan, Confident(), tmp_path / "out", identity={"name": "x"})
    assert results.table().schema.names == SCHEMA.names
    [task] = summarize(results).tasks
    assert task.mean.value == 75, "always the first option"
    assert task.further["loss"] == pytest.approx(10 * 1 / (30 * 1 + 10 * 3))
