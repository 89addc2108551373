"""Natural Instructions v2: one JSON file a task (definition, examples, instances) as one card each.

A task's category is a cluster of its own, `ni_textual_entailment`, which is too close to the paper's cluster of that
kind; it is scored by exact match or ROUGE-L as the authors score it. Where their lists of tasks lie beside the files,
the groups `natural_instructions_train` and `natural_instructions_test` are these lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openflan.errors import CardError
from openflan.tasks.card import Card
from openflan.tasks.cardcache import kept_cards
from openflan.yamlfile import validate

GROUP, TRAIN, TEST = "natural_instructions", "natural_instructions_train", "natural_instructions_test"
"""The names that select every task, those of the authors' training list, and those of their test list."""

INSTANCES, OFFICIAL = "instances", "official_test"
"""Splits of a task file: all its instances, and the first hundred, which are the test rows of a test task."""

OFFICIAL_ROWS = 100
DEMONSTRATIONS = 2

_LISTS = {"train_tasks.txt": TRAIN, "test_tasks.txt": TEST}
_EXACT = frozenset({
    "textual_entailment", "cause_effect_classification", "coreference_resolution", "dialogue_act_recognition",
    "answerability_classification", "word_analogy",
})  # fmt: skip
"""Categories that the authors score by exact match; the others by ROUGE-L (their `compute_metrics.py`)."""

_READING = ("reading_comprehension", "rc_commonsense")
_TOO_CLOSE: Mapping[str, tuple[str, ...]] = {
    "textual_entailment": ("nli", "paraphrase"),
    "text_matching": ("paraphrase",),
    "paraphrasing": ("paraphrase",),
    "sentence_perturbation": ("paraphrase",),
    "cause_effect_classification": ("commonsense",),
    "commonsense_classification": ("commonsense",),
    "coherence_classification": ("commonsense",),
    "story_composition": ("commonsense",),
    "text_completion": ("commonsense",),
    "fill_in_the_blank": ("commonsense", "coreference"),
    "coreference_resolution": ("coreference",),
    "question_answering": (*_READING, "closed_book_qa", "commonsense"),
    "question_generation": _READING,
    "answer_verification": _READING,
    "answerability_classification": _READING,
    "sentiment_analysis": ("sentiment",),
    "summarization": ("summarization",),
    "title_generation": ("summarization",),
    "data_to_text": ("struct_to_text",),
    "concept_to_text": ("struct_to_text",),
    "translation": ("translation",),
    "linguistic_probing": ("cola",),
    "grammar_error_detection": ("cola",),
}
"""Category → the paper's clusters, or single datasets, that are of its kind or share its sources."""

_OPENERS = re.compile(r"\{(?=[{%#])")
_Texts = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
"""A list of texts, for which older files have a single one."""


class Demonstration(BaseModel):
    """An example that comes with a task's definition."""

    input: str
    output: _Texts


class TaskFile(BaseModel):
    """What is read of a task's file, less its instances."""

    model_config = ConfigDict(populate_by_name=True)

    source: _Texts = Field([], alias="Source")
    categories: _Texts = Field(alias="Categories", min_length=1)
    definition: _Texts = Field(alias="Definition", min_length=1)
    positive: list[Demonstration] = Field([], alias="Positive Examples")
    licence: _Texts = Field([], alias="Instance License")


def read(folder: Path, catalog: Mapping[str, Card]) -> list[Card]:
    """The cards of every task under a folder, kept until a file changes; raises `CardError` with a fault's file."""
    return kept_cards(
        [*task_files(folder), *_list_files(folder)], lambda: values_of(folder, catalog), str(folder.resolve())
    )


def values_of(folder: Path, catalog: Mapping[str, Card]) -> list[dict[str, Any]]:
    """The cards of the tasks under a folder as YAML would give them; raises `CardError`."""
    lists = {name: group for path in _list_files(folder) for name, group in _listed(path)}
    found: dict[str, dict[str, Any]] = {}
    for path in task_files(folder):
        values = _values(path, lists.get(path.stem))
        if values["name"] in found:
            raise CardError(f"{path}: a second task of the name {values['name']}")
        found[values["name"]] = values
    return list(found.values())


def task_files(folder: Path) -> list[Path]:
    """The task files of a folder or a folder `tasks` in it; raises `CardError` where there are none."""
    for place in (folder / "tasks", folder):
        if paths := sorted(place.glob("task*.json")):
            return paths
    raise CardError(f"no task*.json in {folder} or in its folder tasks")


def instances(path: Path) -> list[dict[str, Any]]:
    """A task's instances, their references as a list; raises `CardError`."""
    entries = _parsed(path).get("Instances")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise CardError(f"{path}: no list of Instances")
    return [{**one, "output": [one["output"]] if isinstance(one.get("output"), str) else one.get("output")}
            for one in entries]  # fmt: skip


def of_split(rows: list[dict[str, Any]], split: str) -> list[dict[str, Any]]:
    """Those of a task's instances that are in a split of its file."""
    return rows[:OFFICIAL_ROWS] if split == OFFICIAL else rows


def _parsed(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except OSError as fault:
        raise CardError(f"{path}: {fault.strerror or fault}") from None
    except json.JSONDecodeError as fault:
        raise CardError(f"{path}:{fault.lineno}: not JSON: {fault.msg}") from None
    except (UnicodeDecodeError, RecursionError) as fault:
        raise CardError(f"{path}: not JSON: {fault}") from None
    if not isinstance(values, dict):
        raise CardError(f"{path}: expected a JSON object")
    return values


def _list_files(folder: Path) -> list[Path]:
    return [path for name in _LISTS for path in sorted(folder.glob(f"**/default/{name}"))[:1]]


def _listed(path: Path) -> Iterable[tuple[str, str]]:
    return ((name.strip(), _LISTS[path.name]) for name in path.read_text(encoding="utf-8").splitlines() if name.strip())


def _values(path: Path, group: str | None) -> dict[str, Any]:
    task = validate(TaskFile, _parsed(path), CardError, lambda location: str(path))
    category = _slug(task.categories[0])
    return {
        "name": f"ni_{_slug(path.stem)}",
        "title": f"{path.stem} ({task.categories[0]})",
        "cluster": f"ni_{category}",
        "groups": [GROUP, *([group] if group else [])],
        "too_close": list(_TOO_CLOSE.get(category, ())),
        "licence": "; ".join(task.licence) or "unknown",
        "citation": f"Wang et al. 2022, Super-NaturalInstructions; {', '.join(task.source) or 'source unknown'}",
        "access": "The task's file in the Natural Instructions repository.",
        "metric": f"natural_instructions(score={'exact_match' if category in _EXACT else 'rougeL'})",
        "sources": [{"file": str(path.resolve()), "columns": {"input": "string", "output": "list[string]"}}],
        "splits": {"test": OFFICIAL}
        if group == TEST
        else {"train": f"{INSTANCES}[:90%]", "test": f"{INSTANCES}[90%:]"},
        "unit": "{{ input }}",
        "fields": {"input": "{{ input.strip() }}"},
        "answer": "{{ output[0] }}",
        "references": "{{ output }}",
        "templates": [{"input": text} for text in _templates(task)],
    }


def _templates(task: TaskFile) -> list[str]:
    """Definition, demonstrations and query, and the same without demonstrations.

    Both stand in the text itself rather than in fields, so that an input that is too long never loses them.
    """
    definition = _literal(" ".join(task.definition))
    shown = [f"Input: {_literal(one.input)}\nOutput: {_literal(one.output[0])}" for one in _usable(task.positive)]
    query = "Input: {{ input }}\nOutput:"
    alone = f"{definition}\n\n{query}"
    return ["\n\n".join([definition, *shown, query]), alone] if shown else [alone]


def _usable(examples: Sequence[Demonstration]) -> list[Demonstration]:
    return [one for one in examples if one.output and one.output[0].strip()][:DEMONSTRATIONS]


def _literal(text: str) -> str:
    """A text in which nothing is Jinja's."""
    return _OPENERS.sub("{{ '{' }}", text.strip())


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
