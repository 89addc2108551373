"""A study's results as files: `scores.csv`, `differences.csv`, and its grids as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openflan.files import write_text
from openflan.report.lines import as_csv, ends
from openflan.report.studies.grids import Grid
from openflan.study.results import Findings, Gap, Line

SCORES, DIFFERENCES, MARKDOWN = "scores.csv", "differences.csv", "study.md"


def write_tables(folder: Path, found: Findings, grids: Sequence[Grid], title: str) -> dict[str, str]:
    """Write the tables of a study to its folder: file name → what it holds."""
    write_text(folder / SCORES, as_csv([_score(line) for line in found.lines]))
    write_text(folder / DIFFERENCES, as_csv([_difference(gap) for gap in found.gaps]))
    write_text(folder / MARKDOWN, "\n\n".join([f"# {title}", *map(as_markdown, grids)]) + "\n")
    return {
        SCORES: "a line per cell, model, setting and dataset or cluster: mean over templates, interval, deviation",
        DIFFERENCES: "a line per paired difference, with its interval",
        MARKDOWN: "the tables of this page",
    }


def as_markdown(grid: Grid) -> str:
    """A grid as a table in Markdown."""
    head = f"| {grid.down} ↓ · {grid.across} → |{'|'.join(f' {column} ' for column in grid.columns)}|"
    rule = "|---|" + "---:|" * len(grid.columns)
    rows = [f"| {name} |{'|'.join(f' {score.text} ' for score in scores)}|" for name, scores in grid.rows.items()]
    about = [grid.about, ""] if grid.about else []
    return "\n".join([f"## {grid.title}", "", *about, head, rule, *rows])


def _score(line: Line) -> dict[str, Any]:
    return {
        **_at(line.at), "level": line.level, "name": line.name, "metric": line.metric, **ends("mean", line.mean),
        "std_over_templates": line.std, **ends("best_on_dev", line.best), "best_template": line.best_template,
        "templates_asked": line.templates, "rows_asked": line.rows, "trainings": line.seeds,
    }  # fmt: skip


def _difference(gap: Gap) -> dict[str, Any]:
    return {
        "over": gap.over, "from": gap.begin, "to": gap.end, **_at(gap.at), "level": gap.level, "name": gap.name,
        "from_score": gap.first, "to_score": gap.second, **ends("difference", gap.difference), "p": gap.p,
        "examples": gap.examples, "trainings": gap.seeds,
    }  # fmt: skip


def _at(at: Mapping[str, str]) -> dict[str, str]:
    return dict(at)
