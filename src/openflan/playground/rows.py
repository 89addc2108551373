"""Instructions from the catalog, on rows of a source; and the prompts that a run's models got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from openflan.data.blocks import options_block
from openflan.data.prompt import Prompt, bare_input
from openflan.data.rows import TaskRows, load_rows
from openflan.data.settings import BARE, OPTIONS, PRESETS
from openflan.data.sources import parse_source
from openflan.errors import OpenflanError, UnknownNameError
from openflan.evaluation.results import PROMPTS, ResultsError, read_results
from openflan.tasks.clusters import CLUSTERS
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Catalog, Task, load_catalog

PAGE = 20
"""Prompts that are sent at once."""

_COLUMNS = ("dataset", "variant", "setting", "writer", "block", "row", "prompt", "options", "target", "references",
            "choice", "generated", "score", "metric")  # fmt: skip


class Rows:
    """The catalog (with `cards` of one's own) on the rows of a source."""

    def __init__(self, source: str = "samples", cards: Sequence[Path] = ()) -> None:
        self.source, self._cards = parse_source(source), tuple(cards)
        self._loaded = lru_cache(maxsize=8)(self._load)

    @property
    def catalog(self) -> Catalog:
        """The cards."""
        return load_catalog(*self._cards)

    def tree(self) -> list[dict[str, Any]]:
        """Clusters, their datasets, and each one's templates."""
        clusters: dict[str, list[dict[str, Any]]] = {}
        for task in self.catalog.tasks("all"):
            clusters.setdefault(task.card.cluster, []).append(_described(task))
        return [
            {"name": name, "title": CLUSTERS.get(name, name), "datasets": datasets}
            for name, datasets in clusters.items()
        ]

    def prompt(self, dataset: str, template: int, row: int, *, setting: str = OPTIONS) -> dict[str, Any]:
        """A dataset's row number `row` (test rows, else training rows; round and round) in the words of a template.

        Raises `UnknownNameError` and `MissingRowsError`.
        """
        task = self._task(dataset)
        rows = self._loaded(task)
        writers = PRESETS[BARE if setting == BARE else OPTIONS].writers_of(task)
        if not 0 <= template < len(writers):
            raise UnknownNameError(f"{task.name} has no template {template}; use 0 to {len(writers) - 1}")
        writer = writers[template]
        place = row % len(rows)
        about = {"dataset": task.name, "template": template, "place": place, "rows": len(rows), "origin": rows.origin}
        [example] = rows.examples([place])
        try:
            return {**_asked(writer.write(example)), **about}
        except SkipRow as reason:
            raise OpenflanError(f"row {place} of {task.name} cannot be put by template {template}: {reason}") from None

    def _task(self, dataset: str) -> Task:
        tasks = self.catalog.tasks(dataset)
        if len(tasks) != 1:
            raise UnknownNameError(f"{dataset} is several datasets; name one: {', '.join(one.name for one in tasks)}")
        return tasks[0]

    def _load(self, task: Task) -> TaskRows:
        roles = {role for layout in task.layouts for role in layout.splits}
        return load_rows(task, "test" if "test" in roles else "train", self.source)


class Mistakes:
    """The evaluations of run folders, for the prompts that were answered wrongly."""

    def __init__(self, runs: Sequence[Path]) -> None:
        places = [path.parent for run in runs for path in sorted(run.glob(f"eval/*/{PROMPTS}"))]
        self._folders = {f"{place.parent.parent.name}/{place.name}": place for place in places}

    @property
    def evaluations(self) -> list[str]:
        """What they are called: `run/evaluation`."""
        return list(self._folders)

    def page(self, evaluation: str, dataset: str = "", start: int = 0) -> dict[str, Any]:
        """Up to `PAGE` of the prompts that an evaluation got wrong, from number `start` on; raises `ResultsError`."""
        if evaluation not in self._folders:
            raise ResultsError(
                f"no evaluation is called {evaluation!r}; there are {', '.join(self._folders) or 'none'}"
            )
        rows = read_results(self._folders[evaluation]).table(*_COLUMNS).to_pylist()
        wrong = [row for row in rows if _is_wrong(row)]
        datasets = sorted({_name(row) for row in wrong})
        chosen = [row for row in wrong if not dataset or _name(row) == dataset]
        return {
            "evaluation": evaluation,
            "datasets": datasets,
            "total": len(chosen),
            "start": start,
            "page": PAGE,
            "prompts": [_mistake(row) for row in chosen[start : start + PAGE]],
        }


def _described(task: Task) -> dict[str, Any]:
    templates = [
        {"number": number, "inverted": one.inverted, "text": bare_input(one) if one.bare else one.input}
        for number, one in enumerate(task.card.templates)
    ] or [
        {"number": number, "inverted": one.inverted, "text": one.jinja} for number, one in enumerate(task.card.foreign)
    ]
    return {"name": task.name, "title": task.card.title, "metric": task.card.metric, "templates": templates}


def _asked(prompt: Prompt) -> dict[str, Any]:
    """A prompt as the page asks it: instruction and options apart."""
    return {
        "instruction": without_block(prompt.input, prompt.options if prompt.block else ()),
        "options": list(prompt.options),
        "block": prompt.block,
        "target": prompt.target,
        "references": list(prompt.references),
        "inverted": prompt.inverted,
        "row": prompt.row,
    }


def without_block(text: str, options: Sequence[str]) -> str:
    """A prompt less the list of options at its end."""
    return text.rstrip().removesuffix(options_block(options)).rstrip() if options else text


def _is_wrong(row: dict[str, Any]) -> bool:
    return row["score"] == 0 if row["score"] is not None else row["choice"] not in (None, *row["references"])


def _name(row: dict[str, Any]) -> str:
    return f"{row['dataset']}:{row['variant']}" if row["variant"] else str(row["dataset"])


def _mistake(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset": _name(row),
        "template": row["writer"],
        "setting": row["setting"],
        "row": row["row"],
        "instruction": without_block(row["prompt"], row["options"] if row["block"] else ()),
        "options": row["options"] or [],
        "block": row["block"],
        "target": row["target"],
        "references": row["references"],
        "said": row["choice"] or row["generated"] or "",
    }
