"""A model's results on one dataset in one setting: what the page's figures and tables, and the CSV files, show."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openflan.evaluation.analysis.statistics import Interval
from openflan.evaluation.analysis.summary import TaskScore
from openflan.files import write_text
from openflan.report.changes import guessing, on_block
from openflan.report.evaluations import Found, Group
from openflan.report.findings import HEADLINES, MEASURES, always

TASKS, TEMPLATES = "report_tasks.csv", "report_templates.csv"

OTHER_MEASURES = [measure for measure in MEASURES if measure not in HEADLINES]
"""What is measured besides the datasets' own metrics."""


@dataclass(frozen=True, eq=False)
class Line:
    """`model` is the evaluation's name and `order` its place among them; `always` is the one answer it gave, if so."""

    group: str
    setting: str
    model: str
    order: int
    task: TaskScore
    measures: Mapping[str, Interval]
    guessing: float | None
    always: str | None

    @property
    def is_drawn(self) -> bool:
        """Whether it has a score between 0 and 100."""
        return self.task.mean is not None and self.task.higher_is_better


def lines(found: Found) -> list[Line]:
    """Every model's results on every dataset in every setting, group by group."""
    made = []
    for group in found.groups:
        for name in group.names:
            for order, (model, one) in enumerate(found.evaluations.items()):
                for setting, blocks in one.blocks.items():
                    if name not in blocks:
                        continue
                    block = blocks[name]
                    task = next(task for task in one.summaries[setting].tasks if task.name == name)
                    known = {measure: on_block(block, measure) for measure in OTHER_MEASURES}
                    measures = {measure: value for measure, value in known.items() if value is not None}
                    made.append(Line(group.key, setting, model, order, task, measures, guessing(block), always(block)))
    return made


def side_by_side(made: Iterable[Line], found: Found, group: Group, setting: str) -> list[Line]:
    """The results of a group that belong together in a setting."""
    own = {name: one.in_setting(setting) for name, one in found.evaluations.items()}
    return [line for line in made if line.group == group.key and own[line.model] == line.setting]


def write_csv(found: Found, made: Sequence[Line]) -> dict[str, str]:
    """Write the results beside the page: file name → what it holds."""
    write_text(found.folder / TASKS, as_csv([_task_row(line) for line in made]))
    write_text(found.folder / TEMPLATES, as_csv([row for line in made for row in _template_rows(line)]))
    return {
        TASKS: "a line per model, setting and dataset: every measure with its interval",
        TEMPLATES: "a line per template: its score",
    }


def _where(line: Line) -> dict[str, Any]:
    return {
        "model": line.model,
        "setting": line.setting,
        "group": line.group,
        "cluster": line.task.cluster,
        "dataset": line.task.name,
        "metric": line.task.metric,
    }


def _task_row(line: Line) -> dict[str, Any]:
    task = line.task
    return {
        **_where(line),
        **ends("mean", task.mean),
        "std": task.std if len(task.templates) > 1 else None,
        "templates": len(task.templates),
        "rows": task.rows,
        "guessing": line.guessing,
        **{
            key: value for measure in OTHER_MEASURES for key, value in ends(measure, line.measures.get(measure)).items()
        },
        "always": line.always,
        "failures": sum(task.failures.values()),
    }


def _template_rows(line: Line) -> list[dict[str, Any]]:
    metric = line.task.metric
    return [
        {**_where(line), "template": one.template, "score": one.scores[metric], "prompts": one.prompts}
        for one in line.task.templates
    ]


def ends(name: str, value: Interval | None) -> dict[str, float | None]:
    """The columns of a value: itself, and the ends of its interval."""
    numbers = (value.value, value.low, value.high) if value else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), numbers, strict=True))


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV, under the keys of the first."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) + 0.0
    # A spreadsheet would take a text that begins so for a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
