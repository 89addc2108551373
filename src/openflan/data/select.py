"""From a recipe's data section to a mixture: which tasks are trained on, which are held out, and their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator

from openflan.data.fit import LongTargets
from openflan.data.limits import RATE_CAP, ROW_LIMIT
from openflan.data.settings import OPTIONS, PRESETS, Settings
from openflan.errors import MissingRowsError, OverlapError, SchemaError
from openflan.ranges import Count, Seed
from openflan.tasks.card import Card
from openflan.tasks.clusters import CLUSTERS, excluded_clusters
from openflan.tasks.registry import PRESETS as TASK_PRESETS
from openflan.tasks.registry import Catalog, Task, load_catalog
from openflan.wording import counted

if TYPE_CHECKING:
    # What reads rows is imported when they are read: a wrong key in a recipe is told at once.
    from openflan.data.mixture import Mixture
    from openflan.data.rows import TaskRows

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One name or several."""


@dataclass(frozen=True)
class DataConfig:
    """What a mixture is made of.

    `tasks` and `hold_out` take presets, clusters, subclusters, datasets and `dataset:variant`.
    """

    source: str = "samples"
    """`samples`, `mirror:DIR` or `hub`; or several, as in `mirror:DIR,hub`: the first that has a dataset serves it."""
    tasks: Names = ("flan62",)
    """What to train on."""
    hold_out: Names = ()
    """What is never trained on, with all that is too close to it."""
    hold_out_rule: Literal["cluster", "dataset"] = "cluster"
    """Whether a dataset that is held out takes its cluster with it, and what is too close to that, as in the paper; or
    `dataset`: just what is named, for leave-one-dataset-out."""
    allow_overlap: bool = False
    """Train on what is held out all the same: for supervised baselines."""
    cards: Names = ()
    """Files or folders of further cards."""
    missing: Literal["stop", "skip"] = "stop"
    """Whether a dataset without rows stops the run or is left out, with a note."""
    carve: bool = False
    """Cut a split that the source lacks out of another one."""
    limit: Count = ROW_LIMIT
    """Most training rows per dataset."""
    rate_cap: Count = RATE_CAP
    """Rows beyond this add no weight."""
    templates: Count | None = None
    """Only the first so many of each dataset's templates."""
    settings: Settings = field(default_factory=lambda: {OPTIONS: PRESETS[OPTIONS]})
    """How prompts are put, by weight: `options` (with the OPTIONS block, the paper's), `bare`, both as in
    `{options: 1, bare: 1}`, or settings of your own (`openflan.data.settings`)."""
    long_targets: LongTargets = "redraw"
    """Whether the dataset's next example takes the place of one with a target over `format.target_length`, or the
    target is cut there, as in the release (`cut`)."""
    seed: Seed = 0
    """Decides the whole order of the examples."""

    def catalog(self) -> Catalog:
        """The package's cards and this recipe's own."""
        return load_catalog(*(Path(card).expanduser() for card in self.cards))


@dataclass(frozen=True)
class Selection:
    """Tasks to train on, tasks held out, and those left out of training with the reason."""

    train: list[Task]
    held_out: list[Task]
    left_out: dict[str, str]


@dataclass(frozen=True)
class LoadedRows:
    """Rows by task, and what is missing, by task name, with what to do about it."""

    parts: list[TaskRows]
    missing: dict[str, str]


def select(config: DataConfig) -> Selection:
    """Apply the hold-out rules (paper section 2.2); raises `OverlapError` and `UnknownNameError`.

    A preset quietly loses what is held out; a dataset or cluster that the recipe names itself does not, since
    training on it and calling it unseen cannot both be meant.
    """
    catalog = config.catalog()
    held_out = _unique(task for name in config.hold_out for task in catalog.tasks(name))
    reasons = excluded_cards(catalog, config.hold_out, config.hold_out_rule)
    train: list[Task] = []
    left_out: dict[str, str] = {}
    for selector in config.tasks:
        for task in catalog.tasks(selector):
            reason = None if config.allow_overlap else reasons.get(task.card.name)
            if reason is None:
                train.append(task)
            elif selector in TASK_PRESETS:
                left_out[task.name] = reason
            else:
                raise OverlapError(
                    f"data.tasks names {selector!r}, but {task.name} is {reason}; take it out of data.tasks or "
                    "data.hold_out, or set data.allow_overlap: true"
                )
    return Selection(_unique(train), held_out, left_out)


def excluded_cards(
    catalog: Catalog, hold_out: Collection[str], rule: Literal["cluster", "dataset"] = "cluster"
) -> dict[str, str]:
    """Names of cards that may not be trained on when `hold_out` is evaluated as unseen, with the reason.

    Holding out a dataset holds out its cluster (or its subcluster, where the card has one, as the released code splits
    the miscellaneous cluster; a miscellaneous dataset without one stands alone). With the rule `dataset` only what is
    named is held out.
    """
    named = {task.card.name: "held out" for name in hold_out for task in catalog.tasks(name)}
    if rule == "dataset":
        return named
    clusters: set[str] = set()
    subclusters: set[str] = set()
    for name in hold_out:
        if name in CLUSTERS:
            clusters.add(name)
            continue
        for task in catalog.tasks(name):
            _hold(task.card, clusters, subclusters)
    closed = excluded_clusters(clusters)
    reasons = {card.name: closed[card.cluster] for card in catalog.values() if card.cluster in closed}
    return reasons | {card.name: "held out" for card in catalog.values() if card.subcluster in subclusters} | named


def training_rows(
    config: DataConfig, tasks: Iterable[Task], on_task: Callable[[Task], None] | None = None
) -> LoadedRows:
    """Load the training rows of every task that has any by its card; what is missing does not stop the others."""
    from openflan.data.rows import load_rows
    from openflan.data.sources import parse_source

    source = parse_source(config.source)
    loaded = LoadedRows([], {})
    for task in tasks:
        if on_task:
            on_task(task)
        if not any("train" in layout.splits for layout in task.layouts):
            continue
        try:
            loaded.parts.append(load_rows(task, "train", source, limit=config.limit, carve=config.carve))
        except (MissingRowsError, SchemaError) as error:
            loaded.missing[task.name] = str(error)
    if loaded.missing and (config.missing == "stop" or not loaded.parts):
        raise MissingRowsError(_missing(loaded))
    return loaded


_SHOWN = 12
"""Reasons that are printed of many."""


def _missing(loaded: LoadedRows) -> str:
    """What has no rows and why, one line each."""
    count = len(loaded.missing)
    have = counted(count, "dataset has", "datasets have")
    them = "it" if count == 1 else "them"
    opening = f"{have} no rows (data.missing: skip leaves {them} out)"
    if not loaded.parts:
        opening = "the mixture has no dataset with rows"
    faults = [f"- {message}" for message in loaded.missing.values()]
    more = [f"- and {count - _SHOWN} more, which openflan doctor lists"] if count > _SHOWN else []
    return "\n".join([f"{opening}:", *faults[:_SHOWN], *more])


def make_mixture(config: DataConfig, rows: LoadedRows) -> Mixture:
    """The mixture a data section describes, over rows loaded for it."""
    from openflan.data.mixture import Mixture, component

    parts = [
        component(part, rate_cap=config.rate_cap, templates=config.templates, settings=config.settings)
        for part in rows.parts
    ]
    return Mixture(parts, config.seed)


def _hold(card: Card, clusters: set[str], subclusters: set[str]) -> None:
    if card.subcluster:
        subclusters.add(card.subcluster)
    elif card.cluster != "misc":  # no kind of task: its members have nothing in common
        clusters.add(card.cluster)


def _unique(tasks: Iterable[Task]) -> list[Task]:
    return list({task.name: task for task in tasks}.values())
