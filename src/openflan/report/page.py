"""The report of a folder: `report.html`, one file that loads nothing, `summary.json`, and tables as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from openflan.evaluation.results import LOG, PROMPTS
from openflan.files import write_json, write_text
from openflan.notes import Ended, LeftOut, Mixture, Step, read_lines, read_note
from openflan.report import charts, svg
from openflan.report.evaluations import Found, collect
from openflan.report.findings import (
    MEASURES,
    Finding,
    as_tree,
    constants,
    find,
    lead,
    say_constants,
    told,
    told_in_short,
)
from openflan.report.lines import OTHER_MEASURES, lines, write_csv
from openflan.report.prompts import browser, embedded
from openflan.report.sections import sections
from openflan.report.t0_row import as_data as t0_data
from openflan.report.t0_row import t0_row
from openflan.report.words import bounds, half_width, metric_title, number, quoted, setting_title
from openflan.sums import DamageError
from openflan.wording import counted

PAGE, SUMMARY = "report.html", "summary.json"

_FILES = {
    SUMMARY: "the findings as numbers",
    "recipe.yaml": "what was run, with every key resolved",
    "environment.json": "what it ran on",
    "mixture.json": "what was trained on",
    "metrics.jsonl": "the training, step by step",
    "dropped.json": "what was left out of training as too long",
    "model": "the tuned model",
}
"""Files that may be beside the page, and what each one is."""


class Report(NamedTuple):
    """Where the page is, and its findings: a title → sentences, all of them and in short."""

    page: Path
    findings: Mapping[str, Sequence[str]]
    short: Mapping[str, Sequence[str]]


def write_report(folder: Path) -> Report:
    """Report on a run, an evaluation, or a folder of several; raises `ResultsError` where there is none to be read."""
    found = collect(folder)
    findings, made = find(found), lines(found)
    sentences = told(found, findings)
    write_json(folder / SUMMARY, _finite(_summary(found, findings)))
    tables = write_csv(found, made)
    notes, damaged = _notes(folder)
    page = page_template("page.html").render(
        title=found.recipe.name if found.recipe else folder.resolve().name,
        recipe=found.recipe,
        lead=lead(findings),
        unread={**found.unread, **damaged},
        notes={name: one.results.notes for name, one in found.evaluations.items() if one.results.notes},
        models=list(found.evaluations),
        t0=t0_row(found),
        panes=sections(found, findings, made, sentences),
        constants=say_constants(constants(found)),
        shares=[one for group in found.groups for one in charts.option_shares(group, found.evaluations)],
        prompts=browser(found.evaluations),
        training=notes["train"],
        dropped=notes["dropped"],
        curve=charts.loss_curve([vars(step) for step in notes["metrics"]]),
        mixture=notes["mixture"],
        recipe_text=_text(folder / "recipe.yaml"),
        environment=notes["environment"],
        files=_files(found, tables),
    )
    write_text(folder / PAGE, page)
    return Report(folder / PAGE, sentences, told_in_short(found, findings))


def _summary(found: Found, findings: Sequence[Finding]) -> dict[str, Any]:
    """The tree of `summary.json` (docs/report.md)."""
    return {
        **as_tree(findings),
        "groups": {group.key: {"title": group.title, "datasets": list(group.names)} for group in found.groups},
        "always": [vars(one) for one in constants(found)],
        **({"t0": over_prompts} if (over_prompts := t0_data(found)) else {}),
        "unread": dict(found.unread),
        "models": {
            name: {setting: summary.to_dict() for setting, summary in one.summaries.items()}
            for name, one in found.evaluations.items()
        },
    }


def _finite(value: Any) -> Any:
    """The same without infinities and NaN, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _files(found: Found, tables: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """A file beside the page: its link, its name, and what it is."""
    evaluations = {
        str(path.relative_to(found.folder)): f"{what} {name}"
        for name, one in found.evaluations.items()
        for path, what in (
            (one.results.path.with_name(PROMPTS), "every scored prompt of"),
            (one.results.path.with_name(LOG), "the log of answers of"),
        )
    }
    known = {**evaluations, **tables, **_FILES}
    return [
        (quote(place) + ("/" if path.is_dir() else ""), place, what)
        for place, what in known.items()
        if (path := found.folder / place).exists() or place == SUMMARY
    ]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _notes(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What the folder's notes say, and of those that are damaged the reason."""
    kinds = {"train": Ended, "dropped": LeftOut, "mixture": Mixture, "environment": dict[str, Any]}
    none: dict[str, Any] = {"train": None, "dropped": LeftOut(), "mixture": Mixture(""), "environment": {}}
    said, unread = dict[str, Any](), dict[str, str]()
    for name, kind in kinds.items():
        path = folder / f"{name}.json"
        try:
            said[name] = read_note(path, kind) if path.is_file() else none[name]
        except DamageError as error:
            said[name], unread[path.name] = none[name], str(error)
    path = folder / "metrics.jsonl"
    said["metrics"], bad = read_lines(path, Step) if path.is_file() else ([], 0)
    if bad:
        unread[path.name] = f"{counted(bad, 'line')} of it cannot be read"
    return said, unread


def page_template(name: str) -> Any:
    """A template of `html/`, with the words that pages share."""
    # Prompts and answers are untrusted text: everything is escaped but our own figures, and what `embedded` escapes.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (bounds, counted, half_width, metric_title, number, quoted, setting_title, embedded)
    environment.globals.update(
        {word.__name__: word for word in words}, MEASURES=MEASURES, OTHER_MEASURES=OTHER_MEASURES, SHAPES=svg.SHAPES
    )
    return environment.get_template(name)
