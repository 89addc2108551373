"""The HTML page of a run: one file, no scripts, nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from openflan.evaluate.compare import Comparison, Difference, compare
from openflan.evaluate.results import Results, read_results
from openflan.evaluate.statistics import Interval
from openflan.evaluate.summary import Summary, TaskScore, summarize
from openflan.files import write_json, write_text
from openflan.recipe import Recipe, load_recipe
from openflan.report import figures
from openflan.study.run import BASELINE, TUNED, UNTUNED
from openflan.tasks.clusters import CLUSTERS
from openflan.tasks.registry import Task

_PROMPTS_PER_DATASET = 2


@dataclass(frozen=True)
class Finding:
    """One sentence's worth: a measure before and after tuning, and whether the difference is beyond doubt."""

    what: str
    before: float
    after: float
    difference: Interval
    verdict: int
    percent: bool


@dataclass(frozen=True)
class Shown:
    """A prompt with what the models made of it."""

    dataset: str
    template: str
    prompt: str
    target: str
    answers: Mapping[str, str]
    choices: Mapping[str, str]


def write_report(folder: Path, unseen: Sequence[Task], seen: Sequence[Task]) -> Path:
    """Write `summary.json` and `report.html` into a run folder from what is in it; returns the page's path."""
    recipe = load_recipe(folder / "recipe.yaml")
    results = {name: read_results(folder / "eval" / name) for name in (BASELINE, UNTUNED, TUNED) if _has(folder, name)}
    summaries = {name: summarize(one) for name, one in results.items()}
    groups = {"unseen": [task.name for task in unseen], "seen": [task.name for task in seen]}
    comparison = compare(results[UNTUNED], results[TUNED]) if {UNTUNED, TUNED} <= set(results) else None
    write_json(folder / "summary.json", _as_data(summaries, comparison))
    page = _environment().get_template("page.html").render(
        recipe=recipe,
        environment=json.loads((folder / "environment.json").read_text(encoding="utf-8")),
        training=_read(folder / "train.json"),
        mixture=_read(folder / "mixture.json"),
        summaries=summaries,
        groups=groups,
        findings={group: _findings(comparison, names) for group, names in groups.items()},
        figures=_figures(folder, summaries, groups),
        shown=_shown(results, [*unseen, *seen]),
        clusters=CLUSTERS,
        held_out=recipe.data.hold_out,
        data=_data(recipe),
    )
    write_text(folder / "report.html", page)
    return folder / "report.html"
