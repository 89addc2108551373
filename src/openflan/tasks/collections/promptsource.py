"""promptsource's `templates.yaml` files as cards.

A file becomes a dataset of its own, `p3_super_glue_rte`, with nothing but the file's templates. Where the catalog has
the same rows, it takes rows, splits and units from there, and the catalog's own card gets the templates too, which the
setting `promptsource` then writes with.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from openflan.errors import CardError
from openflan.tasks.card import Card
from openflan.tasks.cardcache import kept_cards
from openflan.tasks.collections.promptsource_rows import known, rows_of, twin_of, with_templates
from openflan.tasks.collections.rendering import columns_in
from openflan.tasks.collections.t0 import mixtures_of
from openflan.tasks.text import TextError
from openflan.yamlfile import line_of, read_yaml, validate

GROUP = "p3"
"""The name that selects every dataset made of a promptsource file."""

FURTHER = "t0_sf"
"""The name that selects what T0 trains on and the catalog lacks, as the Flan Collection takes T0's datasets."""

TAGS = ("!Template", "!TemplateMetadata")

_METRICS = {
    "Accuracy": "accuracy", "ROUGE": "rouge", "BLEU": "bleu", "Squad": "squad", "COQA F1": "squad",
    "Pearson Correlation": "correlation", "Spearman Correlation": "correlation", "Edit Distance": "edit_distance",
}  # fmt: skip


class Metadata(BaseModel):
    """A template's own description of itself."""

    original_task: bool | None = None
    choices_in_prompt: bool | None = None
    metrics: list[str] | None = None
    languages: list[str] | None = None


class TemplateEntry(BaseModel):
    """One template of a file."""

    id: str
    name: str
    jinja: str
    reference: str | None = None
    answer_choices: str | None = None
    metadata: Metadata


class TemplatesFile(BaseModel):
    """A `templates.yaml`."""

    dataset: str
    subset: str | None = None
    templates: dict[str, TemplateEntry]

    @property
    def key(self) -> str:
        """Dataset and configuration: `super_glue/rte`."""
        return f"{self.dataset}/{self.subset}" if self.subset else self.dataset


def read(folder: Path, catalog: Mapping[str, Card]) -> list[Card]:
    """The cards of every `templates.yaml` under a folder, and the catalog's cards that get templates of them.

    Reading is slow, so the cards are kept until a file or the catalog changes. Raises `CardError` with file and line
    of each fault.
    """
    paths, licence, catalog = task_files(folder), licence_of(folder), dict(catalog)
    salt = hashlib.sha256(f"{licence}{list(catalog.values())}".encode()).hexdigest()
    own = kept_cards(paths, lambda: _values(paths, catalog, licence), salt)
    given: dict[str, Card] = {}
    for card in own:
        key = card.foreign[0].origin.split()[1]
        twin, _ = twin_of(key, catalog)
        if twin and twin.name not in given:
            given[twin.name] = with_templates(twin, card, known(key))
    return [*given.values(), *own]


def values_of(folder: Path, catalog: Mapping[str, Card]) -> list[dict[str, Any]]:
    """The cards of the files under a folder as YAML would give them; raises `CardError`."""
    return _values(task_files(folder), dict(catalog), licence_of(folder))


def task_files(folder: Path) -> list[Path]:
    """The files of templates under a folder; raises `CardError` where there are none."""
    if paths := sorted(folder.rglob("templates.yaml")):
        return paths
    raise CardError(f"no templates.yaml in {folder}; name promptsource's folder of templates, or one inside it")


def _values(paths: Sequence[Path], catalog: Mapping[str, Card], licence: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        values = _own_values(read_file(path), path, catalog, licence)
        if values["name"] in found:
            raise CardError(f"{path}: a second file of the dataset {values['name']}")
        found[values["name"]] = values
    return list(found.values())


def read_file(path: Path) -> TemplatesFile:
    """Read one file; raises `CardError`."""
    text, values = read_yaml(path, CardError, TAGS)
    return validate(TemplatesFile, values, CardError, lambda location: f"{path}:{line_of(text, location)}")


def licence_of(folder: Path) -> str:
    """The licence in the folder or one above it, by name where it is a usual one; `unknown` where there is none."""
    for place in (folder, *list(folder.resolve().parents)[:2]):
        for path in sorted(place.glob("LICENSE*")):
            text = path.read_text(encoding="utf-8", errors="replace")
            apache = "Apache License" in text and "Version 2.0" in text
            return (
                "Apache-2.0"
                if apache
                else next((line.strip() for line in text.splitlines() if line.strip()), "unknown")
            )
    return "unknown"


def own_name(key: str) -> str:
    """The name of the card that a file becomes: `p3_super_glue_rte`."""
    return f"{GROUP}_{re.sub(r'[^a-z0-9]+', '_', key.lower()).strip('_')}"


def _own_values(file: TemplatesFile, path: Path, catalog: Mapping[str, Card], licence: str) -> dict[str, Any]:
    """A file's card as YAML would give it."""
    twin, _ = twin_of(file.key, catalog)
    mixtures = mixtures_of(file.key)
    values = {
        "name": own_name(file.key),
        "title": f"{file.key}, as promptsource puts it",
        "cluster": twin.cluster if twin else known(file.key).cluster,
        "subcluster": twin.subcluster if twin else None,
        "groups": [GROUP, *mixtures, *([FURTHER] if mixtures and not twin else [])],
        "licence": f"templates: {licence}; rows: {twin.licence if twin else 'unknown'}",
        "citation": f"Bach et al. 2022, PromptSource; {twin.citation if twin else f'the dataset {file.dataset}'}",
        "access": twin.access if twin else f"Put rows with the columns of the hub's {file.key} into a mirror's folder.",
        "metric": _metric(file),
        **rows_of(file.key, catalog, _columns(file, path)),
        "foreign": [_template(entry, file) for entry in file.templates.values()],
    }
    return {key: value for key, value in values.items() if value}


def _template(entry: TemplateEntry, file: TemplatesFile) -> dict[str, Any]:
    values = {
        "name": f"p3 {entry.name}" if entry.name.isdigit() else entry.name,
        "jinja": entry.jinja,
        "choices": entry.answer_choices,
        "inverted": not entry.metadata.original_task,
        "metrics": entry.metadata.metrics,
        "origin": f"promptsource {file.key} {entry.id}",
    }
    return {key: value for key, value in values.items() if value}


def _columns(file: TemplatesFile, path: Path) -> list[str]:
    """The columns that a file's templates read."""
    found: set[str] = set()
    for entry in file.templates.values():
        try:
            found |= columns_in(entry.jinja, entry.answer_choices)
        except TextError as fault:
            raise CardError(f"{path}: template {entry.name!r}: {fault}") from None
    return sorted(found)


def _metric(file: TemplatesFile) -> str:
    """The metric that most templates of the original task name, the earlier of two."""
    entries = [entry.metadata for entry in file.templates.values()]
    counted = Counter(
        _METRICS[name]
        for entry in [one for one in entries if one.original_task] or entries
        for name in entry.metrics or []
        if name in _METRICS
    )
    return max(counted, key=lambda name: counted[name], default="exact_match")
