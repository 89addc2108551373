"""What the fuzz campaign damages: small sound files of every kind that openflan reads, and the readers of each.

A target makes its sound files in a folder once; its reader is then run on them with one file damaged. Torch is imported
by the targets of models alone (`benchmarks.fuzz_models`).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from openflan.data.mirror import MirrorSource
from openflan.data.rows import load_rows
from openflan.data.settings import PRESETS
from openflan.errors import OpenflanError
from openflan.evaluation.analysis.summary import summarize
from openflan.evaluation.results import ScoreLog, read_results
from openflan.notes import Ended, Mixture, Step, read_lines, read_note
from openflan.recipe import load_recipe
from openflan.tasks.cardfile import read_card
from openflan.tasks.lint import CardFile, lint_card
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task

sys.path.append(str(Path(__file__).parent.parent / "tests" / "support"))

Files = Sequence[tuple[str, str]]


@dataclass
class Target:
    """A kind of file: its share of the inputs, which `files` are damaged (with their structure), how they are read."""

    name: str
    share: float
    files: Files
    write: Callable[[Path], None]
    read: Callable[[Path], None]
    sound: dict[str, bytes] = field(default_factory=dict)

    def make(self, folder: Path) -> None:
        """Write the sound files, and see that they are read."""
        self.write(folder)
        self.sound = {name: (folder / name).read_bytes() for name, _ in self.files}
        self.read(folder)


CARD: dict[str, Any] = {
    "name": "toy",
    "title": "A toy",
    "cluster": "nli",
    "licence": "CC0",
    "citation": "none",
    "access": "made up",
    "notes": ["nothing"],
    "metric": "accuracy",
    "sources": [{"mirror": "toy", "hub": {"path": "org/toy", "grade": "C"}}],
    "columns": {"premise": "string", "hypothesis": "string", "label": ["entailed", "open"], "more": "list[string]?"},
    "splits": {"train": "train[:-2]", "dev": "train[-2:]", "test": "validation[:50%]"},
    "skip": {"nothing said": "{{ not premise.strip() }}"},
    "unit": "{{ premise }}",
    "fields": {"premise": "{{ premise.strip() }}", "hypothesis": "{{ hypothesis }}", "more": "{{ more or [] }}"},
    "options": {"entailed": "yes", "open": "no"},
    "answer": "{{ label }}",
    "references": "{{ [label] }}",
    "group": "{{ premise }}",
    "baseline": {"input": "{{ premise }} So {{ hypothesis }}? Answer:", "stop": ["\n"]},
    "variants": {"one": {"title": "One"}, "two": {"skip": {"odd": "{{ premise | length > 99 }}"}}},
    "templates": [
        {"input": "{{ premise }}\n\nSo {{ hypothesis }}?\n\n{{ options_ }}"},
        {"input": "{% for one in more %}{{ loop.index }}. {{ one }}\n{% endfor %}{{ premise ~ '!' }}", "inverted": True,
         "target": "{{ hypothesis | upper }}"},
    ],
}  # fmt: skip

ROWS = [
    {"premise": f"Ship {number} sails.", "hypothesis": f"ship {number} moves", "label": number % 2, "more": ["a", "b"]}
    for number in range(8)
]


def _write_card(folder: Path) -> None:
    (folder / "toy.yaml").write_text(yaml.safe_dump(CARD, sort_keys=False), encoding="utf-8")


def _read_card(folder: Path) -> None:
    """Read a card, lint it, and put two rows by all that it has."""
    from openflan.data.example import ExampleReader

    card = read_card(folder / "toy.yaml")
    lint_card(CardFile(folder / "toy.yaml", card))
    for variant in card.variant_names:
        task = Task(card, variant)
        writers = [one for setting in PRESETS.values() for one in setting.writers_of(task)]
        for layout in task.layouts:
            reader = ExampleReader(task, layout)
            for row in ROWS[:2]:
                with suppress(SkipRow):
                    example = reader.read(reader.columns(row), 0)
                    for writer in writers:
                        with suppress(SkipRow):
                            writer.write(example)


RECIPE: dict[str, Any] = {
    "name": "small",
    "description": "a recipe",
    "model": {"path": "here", "dtype": "auto"},
    "data": {"source": "samples", "tasks": ["nli"], "hold_out": ["sentiment"], "limit": 100, "rate_cap": 10, "seed": 1,
             "settings": {"options": 1, "few": {"shots": {"count": 2, "budget": 900}, "weight": 0.5}}},
    "format": {"join": "chat", "input_length": 200, "target_length": 20, "chat": {"system": "be brief"}},
    "train": {"tokens": 4096, "tokens_per_step": 512, "row_length": 256, "lr": 1e-3, "warmup_steps": 3, "clip": 1.0,
              "adapter": {"rank": 4, "alpha": 8, "dropout": 0.1, "targets": ["q_proj"]}},
    "evaluate": {"tasks": ["sst2"], "rows": 8, "templates": [0, 1], "generate": "none", "max_tokens": 16},
}  # fmt: skip


def _write_recipe(folder: Path) -> None:
    (folder / "small.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False), encoding="utf-8")


def _read_recipe(folder: Path) -> None:
    load_recipe(folder / "small.yaml")


def _write_settings(folder: Path) -> None:
    (folder / "setting").write_text("train.steps=5", encoding="utf-8")


def _read_setting(folder: Path) -> None:
    load_recipe(None, [(folder / "setting").read_bytes().decode("utf-8", "surrogateescape")])


@cache
def _task() -> Task:
    from openflan.tasks.card import Card

    return Task(Card.model_validate({**CARD, "variants": {}}))


def _csv(separator: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ROWS[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows({**row, "more": json.dumps(row["more"])} for row in ROWS)
    return text.getvalue().encode()


def _lines() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


_ROW_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jsonl": ("lines", _lines),
    "json": ("json", lambda: json.dumps(ROWS).encode()),
    "csv": ("", lambda: _csv(",")),
    "tsv": ("", lambda: _csv("\t")),
    "jsonl.gz": ("", lambda: gzip.compress(_lines(), mtime=0)),
    "jsonl.zst": ("", lambda: pa.Codec("zstd").compress(_lines(), asbytes=True)),
    "parquet": ("", _parquet),
}


def _write_rows(kind: str, folder: Path) -> None:
    (folder / "toy").mkdir()
    (folder / "toy" / f"train.{kind}").write_bytes(_ROW_FILES[kind][1]())


def _read_rows(folder: Path) -> None:
    list(load_rows(_task(), "train", MirrorSource(folder, "mirror")))


def _rows_target(kind: str, share: float) -> Target:
    files = [(f"toy/train.{kind}", _ROW_FILES[kind][0])]
    return Target(f"rows, {kind}", share, files, partial(_write_rows, kind), _read_rows)


def _write_lines(folder: Path) -> None:
    lines = [{"input": f"ship {number}", "options": ["sails", "sinks"], "id": number} for number in range(4)]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")


def _read_lines(folder: Path) -> None:
    from openflan.cli.score import read_lines

    faults = [line["error"] for _, line in read_lines(folder / "in.jsonl") if "error" in line]
    if faults:
        raise OpenflanError(faults[0])


def _write_run(folder: Path) -> None:
    from made_run import write_run

    write_run(folder / "run", examples=2, templates=1, settings=("bare",))


def _read_notes(folder: Path) -> None:
    for name, kind in (("mixture", Mixture), ("train", Ended), ("environment", dict[str, Any])):
        read_note(folder / "run" / f"{name}.json", kind)
    _, bad = read_lines(folder / "run" / "metrics.jsonl", Step)
    if bad:
        raise OpenflanError(f"{bad} lines cannot be read")


def _read_run(folder: Path) -> None:
    from openflan.report.page import write_report

    write_report(folder / "run")


def _write_results(folder: Path) -> None:
    from made_run import SENTIMENT, answers, write_evaluation

    rows = list(answers(SENTIMENT[:1], lambda *_: 0.5, ["bare"], templates=1, examples=4))
    write_evaluation(folder, rows, "made", ["bare"])


def _read_results(folder: Path) -> None:
    results = read_results(folder)
    for setting in results.settings:
        summarize(results, setting, samples=10)


def _write_log(folder: Path) -> None:
    with ScoreLog(folder, {"model": "made"}) as log:
        for number in range(4):
            log.add(f"{number:016x}", {"logprobs": [-1.0, -2.0], "tokens": [1, 2]})


def _read_log(folder: Path) -> None:
    with ScoreLog(folder, {"model": "made"}) as log:
        if log.damage:
            raise OpenflanError(log.damage)


def _write_words(folder: Path) -> None:
    (folder / "words").write_text(json.dumps(["show", "copa", "--rows", "1", "--template", "3"]), encoding="utf-8")


def _read_words(folder: Path) -> None:
    """Run a command line; what it says of its own usage ends it."""
    from openflan.cli import main

    try:
        words = json.loads((folder / "words").read_bytes())
    except ValueError:
        return
    if isinstance(words, list) and all(isinstance(word, str) for word in words) and words[:1] == ["show"]:
        main(words)


_RUN_FILES = [
    *((f"run/{name}.json", "json") for name in ("mixture", "train", "environment")),
    ("run/metrics.jsonl", "lines"),
]

DATA = (
    Target("cards", 8, [("toy.yaml", "yaml")], _write_card, _read_card),
    Target("recipes", 12, [("small.yaml", "yaml")], _write_recipe, _read_recipe),
    Target("values of --set", 14, [("setting", "")], _write_settings, _read_setting),
    *(_rows_target(kind, 8) for kind in _ROW_FILES),
    Target("prompts to score", 14, [("in.jsonl", "lines")], _write_lines, _read_lines),
    Target("scores of a run", 6, [("scores.jsonl", "lines")], _write_log, _read_log),
    Target("results", 4, [("prompts.parquet", "")], _write_results, _read_results),
    Target("notes of runs", 4, _RUN_FILES, _write_run, _read_notes),
    Target("reports of run folders", 0.05, [*_RUN_FILES, ("run/recipe.yaml", "yaml")], _write_run, _read_run),
    Target("command lines", 0.5, [("words", "json")], _write_words, _read_words),
)  # fmt: skip
"""What is read without torch."""
