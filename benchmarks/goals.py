"""The goals that `make bench` holds its own run's results against, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Command:
    """A benchmark's module with its arguments, and the name of the results that it writes."""

    result: str
    module: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Goal:
    """What a figure is to be: the `column` of the rows of `result` in which `where` holds, the worst of several."""

    work: str
    result: str
    column: str
    at_most: float | None = None
    at_least: float | None = None
    where: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The goal in words."""
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"

    def figure(self, results: dict[str, list[dict[str, Any]]]) -> float | None:
        """The worst figure of those measured; None where none was."""
        rows = [row for row in results.get(self.result, ()) if self.where.items() <= row.items()]
        figures = [float(row[self.column]) for row in rows if row.get(self.column) is not None]
        if not figures:
            return None
        return max(figures) if self.at_most is not None else min(figures)

    def is_met(self, figure: float) -> bool:
        """Whether a figure is as good as the goal."""
        return figure <= self.at_most if self.at_most is not None else figure >= (self.at_least or 0)


COMMANDS = (
    Command("verbs", "bench_verbs"),
    Command("results", "bench_results"),
    Command("render", "bench_render"),
    Command("prepare_speed", "bench_prepare", ("speed",)),
    Command("prepare_memory", "bench_prepare", ("memory", "--examples", "100000", "1000000")),
    Command("prepare_resume", "bench_prepare", ("resume",)),
    Command("eval", "bench_eval"),
    Command("train", "bench_train", ("--shapes", "19M", "135M")),
    Command("contamination", "bench_contamination"),
)
"""In the order in which they run, the quick ones first; an hour and a half on two cores."""


def _workload(work: str, workload: str, ratio: float) -> Goal:
    return Goal(f"rank, {work}, 135M, times lm-eval", "eval", "ratio", at_least=ratio, where={"workload": workload})


GOALS = (
    Goal("mix flan62 at full size, from the cache, s", "verbs", "seconds", 2.0, where={"verb": "mix flan62, kept"}),
    Goal("openflan --help, s", "verbs", "seconds", 0.15, where={"verb": "openflan --help"}),
    Goal("openflan tasks, s", "verbs", "seconds", 0.4, where={"verb": "openflan tasks"}),
    Goal("a typo in train, s", "verbs", "seconds", 0.5, where={"verb": "a typo in train"}),
    *(
        Goal(f"{verb} 10 million scored prompts, {column}", "results", column, most, where={"verb": verb})
        for verb in ("summarize", "compare", "report")
        for column, most in (("seconds", 60.0), ("peak MB", 1000.0))
    ),
    Goal("prepare, times TRL", "prepare_speed", "ratio", at_least=8.0, where={"pipeline": "openflan"}),
    Goal("prepare 1 million examples, memory of 100 thousand", "prepare_memory", "ratio", 1.1),
    _workload("one-token options", "2 one-token options, 35-token context", 1.8),
    _workload("5 multi-token options", "5 multi-token options, 40-token context", 6.0),
    _workload("4 options, long context", "4 multi-token options, 420-token context", 8.0),
    _workload("8-shot", "5 options, fixed 8-shot prompt of 400 tokens", 35.0),
    Goal(
        "train 135M in full, times TRL packed", "train", "ratio", at_least=3.0,
        where={"shape": "135M", "trainer": "openflan"},
    ),
)  # fmt: skip
