from multiprocessing import get_context
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from openflan.data.fewshot import Shots
from openflan.data.settings import PRESETS, Setting
from openflan.evaluation.analysis.summary import summarize
from openflan.evaluation.loop import evaluate
from openflan.evaluation.prompts import EvalConfig, plan_evaluation
from openflan.evaluation.results import LOG, PROMPTS, SCHEMA, ResultsError, ScoreLog, read_results
from openflan.evaluation.scoring.interface import Failure, Ranking
from openflan.files import LockedError, WriteError

ALONE = 1
"""The options of all prompts of `weather` are ranked once after an empty input."""


@pytest.fixture
def load(tmp_path, rows_at):
    return rows_at(tmp_path / "rows")


@pytest.fixture
def run(load, weather, capitals, fake_scorer):
    def run(out, scorer=None, plan=None, tasks=(weather, capitals), load=load, **identity):
        progress, identity = [], {"name": "fake"} | identity
        scorer = scorer or fake_scorer()
        results = evaluate(
            plan_evaluation(plan or EvalConfig(roles=("dev", "test")), tasks, load),
            scorer,
            out,
            identity=identity,
            on_progress=progress.append,
        )
        return results, progress

    return run


def test_a_perfect_model_scores_a_hundred_on_every_forward_template(run, tmp_path, weather):
    results, progress = run(tmp_path / "out")
    summary = summarize(results, samples=50)
    assert [task.mean.value for task in summary.tasks] == [100, 100]
    assert [len(task.templates) for task in summary.tasks] == [2, 2]
    assert summary.tasks[0].best_template == "0"
    assert summary.tasks[1].best is None, "capitals has no dev split"
    table = results.table()
    assert table.schema.names == SCHEMA.names
    assert set(table["writer"].to_pylist()) == {"0", "1", "2"}
    assert "1" not in set(table.filter(table["dataset"].to_numpy(False) == "weather")["writer"].to_pylist())
    assert progress[-1].done == progress[-1].total == len(table) + ALONE


def test_rows_trace_every_number_to_its_prompt(run, tmp_path, fake_scorer, weather):
    results, _ = run(tmp_path / "out", fake_scorer(skill=0.5), tasks=[weather])
    rows = results.table().to_pylist()
    for row in rows:
        assert row["choice"] == row["options"][row["logprobs"].index(max(row["logprobs"]))]
        assert row["score"] == 100 * (row["choice"] in row["references"])
        assert row["target_logprob"] == row["logprobs"][row["options"].index(row["target"])]
        assert row["prompt"].endswith("OPTIONS:\n- yes\n- no")
    test = [row for row in rows if row["split"] == "test"]
    mean = sum(row["score"] for row in test) / len(test)
    assert summarize(results, samples=10).tasks[0].mean.value == pytest.approx(mean)


def test_an_evaluation_started_again_asks_only_what_is_missing(run, tmp_path, fake_scorer):
    whole, _ = run(tmp_path / "whole", fake_scorer(skill=0.6))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", fake_scorer(skill=0.6, stop_after=50))
    assert not (tmp_path / "out" / PROMPTS).exists()
    with pytest.raises(ResultsError, match="unfinished"):
        read_results(tmp_path / "out")
    again = fake_scorer(skill=0.6)
    results, progress = run(tmp_path / "out", again)
    assert len(again.asked) == len(whole.table()) + ALONE - 50
    assert progress[-1].reused == 50
    assert results.table() == whole.table()

    idle = fake_scorer()
    run(tmp_path / "out", idle, EvalConfig(templates=(0,), roles=("dev", "test")))
    assert idle.asked == [], "a smaller plan is answered from the log"


def test_a_log_cut_in_half_is_named_and_its_good_part_kept(run, tmp_path, fake_scorer):
    out = tmp_path / "out"
    whole = run(out)[0].table()
    text = (out / LOG).read_bytes()
    (out / LOG).write_bytes(text[: len(text) // 2])
    scorer = fake_scorer()
    results, _ = run(out, scorer)
    kept = text[: len(text) // 2].count(b"\n") - 1
    assert len(scorer.asked) == len(whole) + ALONE - kept
    assert f"{kept} scores kept" in results.notes[0]
    assert LOG in results.notes[0]
    assert results.table() == whole
    again = fake_scorer()
    assert run(out, again)[0].notes == []
    assert again.asked == []


def test_a_results_file_cut_in_half_is_named_and_made_again_at_no_cost(run, tmp_path, fake_scorer):
    out = tmp_path / "out"
    whole = run(out)[0].table()
    data = (out / PROMPTS).read_bytes()
    (out / PROMPTS).write_bytes(data[: len(data) // 2])
    with pytest.raises(ResultsError, match=r"prompts\.parquet is cut short or damaged.*start the evaluation again"):
        read_results(out)
    scorer = fake_scorer()
    assert run(out, scorer)[0].table() == whole
    assert scorer.asked == []


def test_scores_of_another_model_are_never_taken(run, tmp_path, fake_scorer):
    run(tmp_path / "out", model="a")
    with pytest.raises(ResultsError, match="model: 'a', now 'b'"):
        run(tmp_path / "out", model="b")
    scorer = fake_scorer()
    assert run(tmp_path / "out", scorer, model="a", name="another name")[0].name == "another name"
    assert scorer.asked == []


def test_baseline_prompts_score_the_baseline_strings_and_stop_where_the_card_says(run, tmp_path, fake_scorer):
    scorer = fake_scorer()
    results, _ = run(tmp_path / "out", scorer, EvalConfig(settings={"baseline": PRESETS["baseline"]}, roles=("test",)))
    assert {tuple(request.options) for request in scorer.asked if not isinstance(request, str)} == {("true", "false")}
    assert scorer.stops == {("\n",)}
    assert set(results.table()["writer"].to_pylist()) == {"baseline"}
    assert summarize(results, samples=10).tasks[0].mean.value == 100


def test_failures_are_counted_left_out_and_tried_again(run, tmp_path, fake_scorer, weather, rows_at):
    odd = rows_at(tmp_path / "odd", 8)
    path = tmp_path / "odd" / "weather" / "test.jsonl"
    path.write_text(path.read_text().replace("day 3", "day unspeakable 3"))
    results, _ = run(tmp_path / "out", load=odd, tasks=[weather])
    task = summarize(results, samples=10).tasks[0]
    assert task.failures == {"too long": 2}
    assert task.mean.value == 100
    assert [template.prompts for template in task.templates] == [7, 7]
    again = fake_scorer()
    run(tmp_path / "out", again, load=odd, tasks=[weather])
    assert len(again.asked) == 2


def test_few_shot_prompts_carry_exemplars_and_stop_before_the_next(run, tmp_path, fake_scorer):
    scorer = fake_scorer()
    plan = EvalConfig(roles=("test",), settings={"options": Setting(shots=Shots(count=3))})
    results, _ = run(tmp_path / "out", scorer, plan)
    table = results.table()
    assert set(table["shots"].to_pylist()) == {3}
    assert all(prompt.count("\n\n\n") == 3 for prompt in table["prompt"].to_pylist())
    assert scorer.stops == {("\n\n\n",)}
    assert [task.mean.value for task in summarize(results, samples=10).tasks] == [100, 100]


def test_written_answers_and_losses_on_request(run, tmp_path, weather):
    plan = EvalConfig(roles=("test",), generate="all", loss=True)
    results, _ = run(tmp_path / "out", plan=plan)
    weather, capitals = summarize(results, samples=10).tasks
    assert weather.further["written_option"] == 0
    assert weather.further["loss"] == pytest.approx(1 * 40 / (30 * 1 + 10 * 2))
    assert capitals.further["loss"] > 0
    assert weather.mean.value == 100, "the ranked choice is what counts"


def test_a_plan_without_answers_still_measures_the_loss(run, tmp_path):
    plan = EvalConfig(roles=("test",), generate="none", loss=True)
    results, _ = run(tmp_path / "out", plan=plan)
    summary = summarize(results, samples=10)
    weather, capitals = summary.tasks
    assert weather.mean.value == 100
    assert capitals.mean is None
    assert all(task.further["loss"] > 0 for task in summary.tasks)
    assert [cluster.members for cluster in summary.clusters] == [["weather"]]


def test_rows_are_a_seeded_sample_shared_by_all_templates(run, tmp_path, weather):
    def rows(seed):
        plan = EvalConfig(roles=("test",), rows=7, seed=seed)
        table = run(tmp_path / f"out{seed}", plan=plan, tasks=[weather])[0].table()
        by_template = {}
        for row in table.to_pylist():
            by_template.setdefault(row["writer"], []).append(row["row"])
        assert by_template["0"] == by_template["2"]
        return by_template["0"]

    assert len(rows(0)) == 7
    assert rows(0) != rows(1)


def test_what_a_plan_has_nothing_for_is_noted(run, tmp_path, weather):
    results, _ = run(tmp_path / "out", plan=EvalConfig(templates=(1,), roles=("dev", "test")))
    assert results.notes == ["weather: no prompts in the setting 'options'"]
    assert set(results.table()["dataset"].to_pylist()) == {"capitals"}


def test_a_script_that_the_metric_cannot_read_is_told_before_anything_is_asked(run, tmp_path, capitals, weather, load):
    from openflan.data.rows import load_rows
    from openflan.data.sources import MirrorSource

    folder = tmp_path / "chinese" / "capitals"
    folder.mkdir(parents=True)
    lines = "".join(f'{{"country": "land {n}", "city": "北京市第{n}区"}}\n' for n in range(8))
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    chinese = MirrorSource(tmp_path / "chinese", "test")

    def either(task, role):
        return load_rows(task, role, chinese) if task is capitals else load(task, role)

    results, _ = run(tmp_path / "out", load=either)
    assert len(results.notes) == 1
    assert "capitals: not measured: trivia_qa finds no words" in results.notes[0]
    assert "tokenize: zh" in results.notes[0]
    assert set(results.table()["dataset"].to_pylist()) == {"weather"}


def test_the_file_is_plain_parquet(run, tmp_path):
    results, _ = run(tmp_path / "out")
    assert pq.read_metadata(results.path).num_row_groups == 2


def test_long_inputs_lose_part_of_a_field_only(run, tmp_path, rows_at, weather, fake_scorer, words):
    long = rows_at(tmp_path / "long", 8)
    path = tmp_path / "long" / "weather" / "test.jsonl"
    path.write_text(path.read_text().replace("test day 4", "test day 4 " + "and so on " * 300))
    scorer = fake_scorer()
    scorer.encoder = words(input_length=400)
    results, _ = run(tmp_path / "out", scorer, load=long, tasks=[weather], plan=EvalConfig(roles=("test",)))
    [first, second] = [row for row in results.table().to_pylist() if row["shortened"]]
    assert first["prompt"].startswith("test day 4 and so on")
    assert first["prompt"].endswith("…\nDid it rain?\nOPTIONS:\n- yes\n- no")
    assert second["prompt"].startswith("Rain on this day? test day 4")
    assert all(len(words().tokenizer.encode(row["prompt"]).ids) <= 400 for row in (first, second))
    assert summarize(results, samples=10).tasks[0].shortened == 2


def test_a_log_without_its_head_is_nobodys(run, tmp_path, fake_scorer):
    whole = run(tmp_path / "out")[0].table()
    log = tmp_path / "out" / LOG
    log.write_bytes(log.read_bytes()[20:])
    scorer = fake_scorer()
    results, _ = run(tmp_path / "out", scorer)
    assert "all scores are made again" in results.notes[0]
    assert len(scorer.asked) == len(whole) + ALONE
    assert run(tmp_path / "out")[0].notes == []


def test_written_answers_are_read_as_the_option_they_spell_and_never_stand_in_for_a_ranking(
    run, tmp_path, weather, fake_scorer
):
    class Chatty(fake_scorer):
        def rank(self, requests, known=()):
            return ((number, Failure("no memory")) for number in range(len(requests)))

        def generate(self, inputs, max_tokens=256, stop=(), known=()):
            return ((number, "Yes." if number % 2 else "well, yes") for number in range(len(inputs)))

    plan = EvalConfig(roles=("test",), generate="all")
    results, _ = run(tmp_path / "out", Chatty(), plan=plan, tasks=[weather])
    [task] = summarize(results, samples=10).tasks
    assert task.further["written_option"] == 50
    assert task.mean is None
    assert task.further["written_accuracy"] > 0
    assert set(results.table()["score"].to_pylist()) == {None}


def test_a_missing_dev_split_costs_the_best_template_only(run, tmp_path, weather):
    (tmp_path / "rows" / "weather" / "dev.jsonl").unlink()
    results, _ = run(tmp_path / "out", tasks=[weather])
    [task] = summarize(results, samples=10).tasks
    assert task.best is None
    assert task.mean.value == 100
    assert results.notes[0].startswith("no best template: weather")


@pytest.mark.parametrize(("how", "right"), [("sum", 30), ("token", 40), ("character", 40), ("pmi", 30)])
def test_options_are_compared_as_the_plan_says(run, tmp_path, weather, fake_scorer, how, right):
    class Lengthy(fake_scorer):
        """The longer option ("yes", of three tokens) is behind by the sum on ten days, and never by its length."""

        def rank(self, requests, known=()):
            for number, request in enumerate(requests):
                if not request.input:
                    yield number, Ranking([-9.0, -9.0], [3, 1])
                    continue
                yield number, Ranking([-6.0, -5.0 if self._right(request) else -7.0], [3, 1])

    plan = EvalConfig(roles=("test",), templates=(0,), normalise=how)
    results, _ = run(tmp_path / "out", Lengthy(), plan=plan, tasks=[weather])
    choices = [row["choice"] for row in results.table().to_pylist()]
    assert choices.count("yes") == right
    assert {len(row["unconditional"]) for row in results.table().to_pylist()} == {2}


def test_a_changed_score_in_the_log_is_noticed_and_asked_again(run, tmp_path, fake_scorer):
    whole, _ = run(tmp_path / "out")
    log = tmp_path / "out" / "scores.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if "-2.5" in line)
    lines[place] = lines[place].replace("-2.5", "-0.5")
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    scorer = fake_scorer()
    again, _ = run(tmp_path / "out", scorer)
    assert len(scorer.asked) == 1
    assert f"damaged at line {place + 1}:" in again.notes[0]
    assert again.table().equals(whole.table())


def test_a_disk_that_is_full_during_an_evaluation_is_a_sentence(tmp_path):
    log = ScoreLog(tmp_path, {"name": "fake"})
    log._file = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - the log closes it
    with pytest.raises(WriteError, match=r"scores\.jsonl could not be written: No space left.*run the same again"), log:
        log.add("key", {"logprobs": [-1.0]})


def test_two_evaluations_of_one_folder_are_refused_and_the_first_goes_on(run, tmp_path, fake_scorer):
    fork = get_context("fork")
    answers = fork.Queue()

    def another():
        try:
            run(tmp_path / "out")
            answers.put("it was let in")
        except LockedError as error:
            answers.put(str(error))

    class Interrupted(fake_scorer):
        def rank(self, requests, known=()):
            if not self.asked:
                process = fork.Process(target=another)
                process.start()
                process.join()
            return super().rank(requests, known)

    results, _ = run(tmp_path / "out", Interrupted())
    assert "is being written to by process" in answers.get(timeout=30)
    assert results.table().num_rows > 0
