"""The table of `make bench`: goals held against the results of its own run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import results_in, table
from benchmarks.goals import COMMANDS, GOALS, Goal

ROOT = Path(__file__).parent.parent


def test_every_goal_is_of_a_benchmark_that_runs() -> None:
    assert {goal.result for goal in GOALS} <= {command.result for command in COMMANDS}
    assert all((ROOT / "benchmarks" / f"{command.module}.py").is_file() for command in COMMANDS)
    assert all((goal.at_most is None) != (goal.at_least is None) for goal in GOALS)


@pytest.mark.parametrize(("goal", "figure", "met"), [
    (Goal("w", "r", "x", at_most=3.0), 3.0, True),
    (Goal("w", "r", "x", at_most=2.0), 3.0, False),
    (Goal("w", "r", "x", at_least=1.0), 1.0, True),
    (Goal("w", "r", "x", at_least=1.5), 1.0, False),
    (Goal("w", "r", "x", at_most=2.0, where={"name": "a"}), 1.0, True),
])  # fmt: skip
def test_the_worst_of_the_figures_counts(goal: Goal, figure: float, met: bool) -> None:
    found = goal.figure({"r": [{"name": "a", "x": 1.0}, {"name": "b", "x": 3.0}, {"name": "b"}]})
    assert found == figure
    assert goal.is_met(figure) is met


def test_the_table_says_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    verb = GOALS[0].where["verb"]
    (tmp_path / "verbs.json").write_text(json.dumps({"rows": [{"verb": verb, "seconds": 1.5}]}), encoding="utf-8")
    lines = table(results_in(tmp_path), ["verbs"]).splitlines()
    assert len(lines) == len(GOALS) + 2
    assert lines[2] == f"| {GOALS[0].work} | at most 2 | 1.50 | met |"
    assert [line for line in lines if "nothing came of it" in line]
    assert [line for line in lines if "not run" in line]
