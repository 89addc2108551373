"""The page of a study and its tables, made from a small one."""

import csv
import shutil
from dataclasses import replace

import pytest

from openflan.evaluation.analysis.statistics import Interval
from openflan.report.studies.curves import curve
from openflan.report.studies.grids import grid
from openflan.report.studies.page import write_study_report
from openflan.report.studies.tables import as_markdown
from openflan.study.drive import open_study
from openflan.study.results import Line, findings, over_trainings
from openflan.study.spec import Figure, Study

STUDY = Study.model_validate(
    {
        "name": "made",
        "title": "Made",
        "axes": {
            "size": {"sets": "data.templates", "values": [1, 10]},
            "held_out": {"values": {"nli": {}, "sentiment": {}}},
        },
        "published": [{"size": "1", "held_out": "nli", "measured": "tuned", "value": 50.0, "status": "R"}],
    }
)  # fmt: skip


def line(value, width=2.0, **at):
    at = {"size": "", "held_out": "", "measured": "tuned", "asked": "bare", "cluster": "all", **at}
    mean = Interval(value, value - width, value + width)
    return Line(at, "all", "all", "average", mean, 3.0, None, None, 2, 10)


def dataset(name, **at):
    return replace(line(50, **at), level="dataset", name=name)


LINES = [
    line(40, size="1", held_out="nli"),
    line(60, size="10", held_out="nli"),
    line(20, size="1", held_out="sentiment"),
    line(30, size="10", held_out="sentiment"),
    line(10, measured="untuned", held_out="nli"),
    dataset("rte", size="1", held_out="nli"),
    dataset("sst2", size="1", held_out="sentiment"),
]


def test_a_heat_map_has_the_mean_over_its_columns_and_the_papers_own_row():
    made = grid(STUDY, Figure(kind="heat", title="A", rows=("measured", "size"), columns=("held_out",)), LINES)
    assert made.columns == ["Natural language inference", "Sentiment", "mean"]
    assert list(made.rows) == ["tuned, 1", "tuned, 10", "untuned", "paper: tuned, 1"]
    assert [score.mean.value for score in made.rows["tuned, 1"]] == [40, 20, 30]
    assert made.rows["untuned"][2].mean is None
    assert made.rows["paper: tuned, 1"][0].text == "50.0ᴿ"
    assert made.rows["tuned, 10"][0].shade == 1.0
    half = made.rows["tuned, 1"][2].mean.high - 30
    assert half == pytest.approx((2**2 + 2**2) ** 0.5 / 2)
    assert "| tuned, 1 | 40.0 ±2.0 | 20.0 ±2.0 | 30.0 ±1.4 |" in as_markdown(made)


def test_columns_of_the_same_examples_have_no_mean():
    along = [*LINES, dataset("rte", size="10", held_out="nli")]
    made = grid(STUDY, Figure(kind="heat", title="A", rows=("measured", "held_out"), columns=("size",)), along)
    assert made.columns == ["1", "10"]


def test_a_figure_that_does_not_tell_settings_apart_shows_the_first():
    two = [line(40, size="1"), replace(line(80, size="1"), at={**line(80, size="1").at, "asked": "options"})]
    shown = grid(STUDY, Figure(kind="heat", title="A", rows=("measured",), columns=("size",)), two)
    assert shown.rows["tuned"][0].mean.value == 40
    apart = grid(STUDY, Figure(kind="heat", title="A", rows=("measured",), columns=("asked",)), two)
    assert [score.mean.value for score in apart.rows["tuned"]] == [40, 80]


def test_what_has_no_value_along_a_curve_is_a_level_line():
    made = curve(STUDY, Figure(kind="curve", title="A", x="size", lines=("measured", "held_out")), LINES)
    points = {one.name: {value: point.value for value, point in one.points.items()} for one in made.series}
    assert points["untuned, Natural language inference"] == {"1": 10, "10": 10}
    assert points["tuned, Natural language inference"] == {"1": 40, "10": 60}
    assert points["paper, tuned, Natural language inference"] == {"1": 50}
    assert made.drawn.count("<title>") == 7


def test_a_figure_keeps_what_it_is_told_to():
    only = Figure(
        kind="curve",
        title="A",
        x="size",
        lines=("held_out",),
        only={"held_out": ("sentiment",), "measured": ("tuned",)},
    )
    assert [one.name for one in curve(STUDY, only, LINES).series] == ["Sentiment"]


def test_several_trainings_give_an_interval_over_them():
    assert over_trainings([50, 52, 54]).value == 52
    assert over_trainings([50, 52, 54]).high - 52 == pytest.approx(4.303 * 2 / 3**0.5)


def test_the_page_shows_all_and_loads_nothing(done_study):
    report = write_study_report(done_study)
    page = report.page.read_text(encoding="utf-8")
    assert not any(word in page for word in ("<link", "src=", 'href="http', "<script"))
    for text in ("Six small cells", "paper: tuned, bare", "61.5ᴿ", "bare less options", "FLAN 137B", "1 dataset"):
        assert text in page
    assert len(report.sentences) == 2


def test_the_tables_hold_every_result(done_study):
    write_study_report(done_study)
    with (done_study.folder / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = findings(done_study)
    assert len(rows) == len(found.lines) == 7 * 3
    tuned = [row for row in rows if row["measured"] == "tuned" and row["level"] == "dataset"]
    assert {(row["trained"], row["templates"]) for row in tuned} == {
        (trained, count) for trained in ("options", "bare") for count in "123"
    }
    (untuned,) = [row for row in rows if row["measured"] == "untuned" and row["level"] == "dataset"]
    assert untuned["trained"] == ""


def test_differences_are_paired_within_the_same_place(done_study):
    gaps = findings(done_study).gaps
    trained = [gap for gap in gaps if gap.over == "trained" and gap.level == "dataset"]
    assert sorted(gap.at["templates"] for gap in trained) == ["1", "2", "3"]
    lines = {(one.at["trained"], one.at["templates"]): one.mean.value for one in findings(done_study).lines
             if one.level == "dataset" and one.at["measured"] == "tuned"}  # fmt: skip
    for gap in trained:
        count = gap.at["templates"]
        assert gap.difference.value == pytest.approx(lines["bare", count] - lines["options", count])
    assert sum(gap.over == "measured" and gap.level == "dataset" for gap in gaps) == 6


def test_what_is_not_there_yet_is_named(done_study, tmp_path):
    shutil.copytree(done_study.folder, tmp_path / "part", symlinks=True)
    planned = open_study(tmp_path / "part")
    (planned.store / planned.cells[0].evaluations["tuned"] / "prompts.parquet").unlink()
    page = write_study_report(planned).page.read_text(encoding="utf-8")
    assert "tuned of options-1" in page
