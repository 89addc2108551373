"""The HTML page of a run: one file, no scripts, nothing fetched. Everything on it is read from the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from openflan.evaluate.analysis.blocks import Block, blocks
from openflan.evaluate.analysis.groups import measure_block
from openflan.evaluate.analysis.statistics import Interval
from openflan.evaluate.analysis.summary import summarize
from openflan.evaluate.results import BASELINE, TUNED, UNTUNED, Results, read_results
from openflan.files import write_json, write_text
from openflan.recipe import load_recipe
from openflan.report import figures
from openflan.report.findings import Group, as_tree, constant_answers, find
from openflan.study.tasks import measured_tasks

AXES = {
    "accuracy": ("Accuracy", "per cent right, options ranked"),
    "written_option": ("Answers that are one of the options", "per cent of written answers"),
    "loss": ("Loss on the right answer", "nats per token, lower is better"),
}
"""The measures a report draws, with a title and what the axis counts."""

COLOURS = {BASELINE: figures.GREY, UNTUNED: figures.ORANGE, TUNED: figures.BLUE}

_SHOWN_ROWS = 2
"""Examples per dataset whose prompts are shown."""


@dataclass(frozen=True)
class Shown:
    """A prompt, what it asks for, and by model the option ranked first and the answer written."""

    dataset: str
    writer: str
    prompt: str
    target: str
    choices: Mapping[str, str]
    written: Mapping[str, str]


class Report(NamedTuple):
    """Where the page is, and its findings: a group's title → a sentence per measure."""

    page: Path
    findings: Mapping[str, Sequence[str]]


def write_report(folder: Path) -> Report:
    """Write `summary.json` and `report.html` into a run folder. Raises `ResultsError` where something is missing."""
    recipe = load_recipe(folder / "recipe.yaml")
    measured = measured_tasks(recipe)
    unseen, seen = measured.held_out, measured.seen
    results = {
        name: read_results(folder / "eval" / name)
        for name in (BASELINE, UNTUNED, TUNED)
        if (folder / "eval" / name).is_dir()
    }
    groups = [
        Group(key, title, [task.name for task in tasks])
        for key, title, tasks in (
            ("held_out", "Never trained on", unseen),
            ("seen", "Trained on, other rows", seen),
        )
        if tasks
    ]
    found = find(results, groups)
    constant = constant_answers(results, groups)
    summaries = {name: [summarize(one, setting) for setting in one.settings] for name, one in results.items()}
    tree = as_tree(found)
    tree["models"] = {
        name: {summary.setting: summary.to_dict() for summary in some} for name, some in summaries.items()
    }
    write_json(folder / "summary.json", tree)
    findings = {group.title: [one.sentence for one in found if one.group == group.key] for group in groups} | (
        {"Always the same answer": constant} if constant else {}
    )
    first = {name: blocks(one, "test") for name, one in results.items()}
    drawn = {group.title: _figures(group, first) for group in groups}
    metrics = _lines(folder / "metrics.jsonl")
    mixture = _json(folder / "mixture.json")
    page = _template().render(
        recipe=recipe,
        recipe_text=(folder / "recipe.yaml").read_text(encoding="utf-8"),
        environment=_json(folder / "environment.json"),
        training=_json(folder / "train.json"),
        dropped=_json(folder / "dropped.json"),
        loss_curve=figures.loss_curve(metrics) if metrics else "",
        mixture=mixture,
        figures=drawn,
        findings=findings,
        summaries=[one for some in summaries.values() for one in some],
        axes=AXES,
        shown=_shown(results, [task.card.name for task in [*unseen, *seen]]),
        models=list(results),
    )
    write_text(folder / "report.html", page)
    return Report(folder / "report.html", findings)


def _figures(group: Group, found: Mapping[str, Mapping[str, Block]]) -> list[str]:
    drawn = []
    for measure, (heading, axis) in AXES.items():
        scores = {model: _by_name(some, group.names, measure) for model, some in found.items()}
        scores = {model: values for model, values in scores.items() if values}
        lines = [name for name in group.names if any(name in values for values in scores.values())]
        guessing = _guessing(found, lines) if measure == "accuracy" else {}
        if lines:
            drawn.append(figures.intervals(heading, axis, lines, scores, COLOURS, guessing))
    return drawn


def _by_name(some: Mapping[str, Block], names: Sequence[str], measure: str) -> dict[str, Interval]:
    values = {name: measure_block(some[name], measure) for name in names if name in some}
    return {name: value for name, value in values.items() if value is not None}


def _guessing(found: Mapping[str, Mapping[str, Block]], names: Sequence[str]) -> dict[str, float]:
    """The accuracy of choosing an option blindly."""
    some = {name: block for model in found.values() for name, block in model.items()}
    chances = {name: [1 / len(row["options"]) for row in some[name].rows if row["options"]] for name in names}
    return {name: 100 * sum(values) / len(values) for name, values in chances.items() if values}


def _shown(results: Mapping[str, Results], datasets: Sequence[str]) -> list[Shown]:
    """The first examples of each dataset, each in a template of its own, with what every model made of it."""
    columns = ("dataset", "writer", "example", "split", "setting", "prompt", "target", "choice", "generated")
    rows = {
        model: {
            (row["dataset"], row["writer"], row["example"]): row
            for row in one.table(*columns).to_pylist()
            if row["split"] == "test" and row["setting"] == one.settings[0]
        }
        for model, one in results.items()
        if model != BASELINE
    }
    if not rows:
        return []
    shown = []
    for dataset in dict.fromkeys(datasets):
        keys = [key for key in next(iter(rows.values())) if key[0] == dataset]
        examples = list(dict.fromkeys(key[2] for key in keys))[:_SHOWN_ROWS]
        templates = list(dict.fromkeys(key[1] for key in keys))
        for example, template in zip(examples, templates, strict=False):
            answers = {model: some[dataset, template, example] for model, some in rows.items()}
            first = next(iter(answers.values()))
            shown.append(
                Shown(
                    dataset,
                    template,
                    first["prompt"],
                    first["target"],
                    {model: row["choice"] for model, row in answers.items() if row["choice"] is not None},
                    {model: row["generated"] for model, row in answers.items() if row["generated"] is not None},
                )
            )
    return shown


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _template() -> Any:
    # Prompts and answers are strangers' text: everything is escaped but our own figures.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html")
