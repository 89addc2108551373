"""The HTML page of a run: one file, no scripts, nothing fetched. Everything on it is read from the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from openflan.evaluate.analysis.blocks import Block, blocks
from openflan.evaluate.analysis.groups import Change, change, measured
from openflan.evaluate.analysis.statistics import Interval
from openflan.evaluate.analysis.summary import summarize
from openflan.evaluate.results import Results, read_results
from openflan.files import write_json, write_text
from openflan.recipe import load_recipe
from openflan.report import figures
from openflan.study.run import BASELINE, TUNED, UNTUNED, measured_tasks

AXES = {
    "accuracy": ("Accuracy", "per cent right, options ranked"),
    "written_option": ("Answers that are one of the options", "per cent of written answers"),
    "loss": ("Loss on the right answer", "nats per token, lower is better"),
}
"""The measures a report shows, with a title and what the axis counts."""

COLOURS = {BASELINE: figures.GREY, UNTUNED: figures.ORANGE, TUNED: figures.BLUE}

_SHOWN_ROWS = 2
"""Examples per dataset whose prompts are shown."""


@dataclass(frozen=True)
class Shown:
    """A prompt, what it asks for, and by model the option ranked first and the answer written."""

    dataset: str
    template: str
    prompt: str
    target: str
    choices: Mapping[str, str]
    written: Mapping[str, str]


@dataclass(frozen=True)
class Group:
    """Datasets that are reported together: how each measure changed, and its figure."""

    title: str
    changes: Sequence[Change]
    figures: Sequence[str]


class Report(NamedTuple):
    """Where the page is, and its findings: a group's title → a sentence per measure."""

    page: Path
    findings: Mapping[str, Sequence[str]]


def write_report(folder: Path) -> Report:
    """Write `summary.json` and `report.html` into a run folder. Raises `ResultsError` where something is missing."""
    recipe = load_recipe(folder / "recipe.yaml")
    unseen, seen = measured_tasks(recipe)
    results = {
        name: read_results(folder / "eval" / name)
        for name in (BASELINE, UNTUNED, TUNED)
        if (folder / "eval" / name).is_dir()
    }
    found = {name: blocks(one, "test") for name, one in results.items()}
    groups = [
        _group(title, [task.name for task in tasks], found)
        for title, tasks in (("Never trained on", unseen), ("Trained on, other rows", seen))
        if tasks
    ]
    summaries = {name: summarize(one) for name, one in results.items()}
    write_json(
        folder / "summary.json",
        {
            "models": {name: summary.to_dict() for name, summary in summaries.items()},
            "groups": {group.title: [asdict(one) for one in group.changes] for group in groups},
        },
    )
    findings = {group.title: [sentence(one) for one in group.changes] for group in groups}
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
        groups=groups,
        findings=findings,
        summaries=summaries,
        axes=AXES,
        shown=_shown(results, [task.card.name for task in [*unseen, *seen]]),
        models=list(results),
    )
    write_text(folder / "report.html", page)
    return Report(folder / "report.html", findings)


def sentence(one: Change) -> str:
    """What a change says, and what it does not: a difference whose interval holds zero is called none."""
    title, unit = AXES[one.measure][0], "" if one.measure == "loss" else " %"
    moved = f"{title}: {one.before.value:.1f}{unit} before tuning, {one.after.value:.1f}{unit} after"
    reach = f"{one.difference.value:+.1f} [{one.difference.low:+.1f}, {one.difference.high:+.1f}]"
    if not one.is_clear:
        return f"{moved} ({reach}): no difference that {one.datasets} datasets of this size can tell from chance."
    better = (one.difference.value < 0) == (one.measure == "loss")
    return f"{moved} ({reach}): clearly {'better' if better else 'worse'}."


def _group(title: str, names: Sequence[str], found: Mapping[str, Mapping[str, Block]]) -> Group:
    changes = []
    if UNTUNED in found and TUNED in found:
        changes = [one for measure in AXES if (one := change(found[UNTUNED], found[TUNED], names, measure))]
    drawn = []
    for measure, (heading, axis) in AXES.items():
        scores = {model: _by_name(some, names, measure) for model, some in found.items()}
        scores = {model: values for model, values in scores.items() if values}
        lines = [name for name in names if any(name in values for values in scores.values())]
        guessing = _guessing(found, lines) if measure == "accuracy" else {}
        if lines:
            drawn.append(figures.intervals(heading, axis, lines, scores, COLOURS, guessing))
    return Group(title, changes, drawn)


def _by_name(some: Mapping[str, Block], names: Sequence[str], measure: str) -> dict[str, Interval]:
    values = {name: measured(some[name], measure) for name in names if name in some}
    return {name: value for name, value in values.items() if value is not None}


def _guessing(found: Mapping[str, Mapping[str, Block]], names: Sequence[str]) -> dict[str, float]:
    """The accuracy of choosing an option blindly."""
    some = {name: block for model in found.values() for name, block in model.items()}
    chances = {name: [1 / len(row["options"]) for row in some[name].rows if row["options"]] for name in names}
    return {name: 100 * sum(values) / len(values) for name, values in chances.items() if values}


def _shown(results: Mapping[str, Results], datasets: Sequence[str]) -> list[Shown]:
    """The first examples of each dataset, each in a template of its own, with what every model made of it."""
    columns = ("dataset", "template", "row", "split", "prompt", "target", "choice", "generated")
    rows = {
        model: {
            (row["dataset"], row["template"], row["row"]): row
            for row in one.table(*columns).to_pylist()
            if row["split"] == "test"
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
