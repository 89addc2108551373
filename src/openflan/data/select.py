"""From a recipe's data section to a mixture: which tasks are trained on, which are held out, and their rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from openflan.data.fit import LongTargets
from openflan.data.limits import RATE_CAP, ROW_LIMIT, RateRule
from openflan.data.settings import OPTIONS, PRESETS, Settings
from openflan.data.submixtures import Submixture, weighted
from openflan.errors import MissingRowsError, OverlapError, SchemaError, UnknownNameError
from openflan.lists import Listed
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

Names = Annotated[tuple[str, ...], Listed]
"""One name or several: `[nli, sentiment]`, or `nli, sentiment`."""
Paths = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One path or several: a list, since a path may have commas and blanks in it."""


@dataclass(frozen=True)
class DataConfig:
    """What a mixture is made of.

    `tasks` and `hold_out` take presets, clusters, subclusters, datasets and `dataset:variant`.
    """

    source: str = "samples"
    """`samples`, `mirror:DIR` or `hub`; or several, as in `mirror:DIR,hub`: the first that has a dataset serves it."""
    tasks: Names = ("flan62",)
    """What to train on, where there are no submixtures."""
    submixtures: dict[str, Submixture] = field(default_factory=dict)
    """Parts with weights of their own, by name, instead of `tasks` (`openflan.data.submixtures`). With `missing: skip`
    one whose tasks are not at hand is left out, and its weight falls to the others."""
    hold_out: Names = ()
    """What is never trained on, with all that is too close to it."""
    hold_out_rule: Literal["cluster", "dataset"] = "cluster"
    """Whether a dataset that is held out takes its cluster with it, and what is too close to that, as in the paper; or
    `dataset`: just what is named, for leave-one-dataset-out."""
    allow_overlap: bool = False
    """Train on what is held out all the same: for supervised baselines."""
    cards: Paths = ()
    """Files or folders of further cards, or tasks of another collection: `promptsource:DIR`,
    `natural-instructions:DIR`."""
    missing: Literal["stop", "skip"] = "stop"
    """Whether a dataset without rows, or a submixture without datasets, stops the run or is left out, with a note."""
    carve: bool = False
    """Cut a split that the source lacks out of another one."""
    limit: Count = ROW_LIMIT
    """Most training rows per dataset."""
    per_cluster: Count | None = None
    """Only the first so many datasets of each cluster that have rows (of each subcluster, in the miscellaneous one)."""
    datasets: Count | None = None
    """At most so many datasets that have rows, taken from the clusters in turn."""
    rate_cap: Count = RATE_CAP
    """Rows beyond this add no weight."""
    rate: RateRule = "dataset"
    """What the rate cap is one of: a dataset, as in the paper, or each `template`, as in T0's code."""
    templates: Count | None = None
    """Use only this many of each dataset's templates, the first ones."""
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
        return load_catalog(*self.cards)


@dataclass(frozen=True)
class Selection:
    """Tasks to train on, tasks held out, and those left out of training with the reason.

    `submixtures` are the tasks of each submixture by its name; empty where the mixture has none.
    """

    train: list[Task]
    held_out: list[Task]
    left_out: dict[str, str]
    submixtures: dict[str, list[Task]] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedRows:
    """Rows by task, and what is missing, by task name, with what to do about it."""

    parts: list[TaskRows]
    missing: dict[str, str]


def select(config: DataConfig) -> Selection:
    """Apply the hold-out rules (paper section 2.2); raises `OverlapError` and `UnknownNameError`.

    A preset or group quietly loses what is held out, and so does a cluster of which just some datasets are
    (`hold_out_rule: dataset`); a dataset or cluster that the recipe names itself does not, since training on it and
    calling it unseen cannot both be meant.
    """
    catalog = config.catalog()
    held_out = _unique(task for name in config.hold_out for task in catalog.tasks(name))
    reasons = excluded_cards(catalog, config.hold_out, config.hold_out_rule)
    left_out: dict[str, str] = {}
    submixtures = {
        name: _trained(config, catalog, part.tasks, reasons, left_out)
        for name, part in config.submixtures.items()
        if config.missing == "stop" or _at_hand(catalog, part.tasks)
    }
    if config.submixtures:
        train = _unique(task for tasks in submixtures.values() for task in tasks)
    else:
        train = _trained(config, catalog, config.tasks, reasons, left_out)
    return Selection(train, held_out, left_out, submixtures)


def _trained(
    config: DataConfig, catalog: Catalog, selectors: Names, reasons: Mapping[str, str], left_out: dict[str, str]
) -> list[Task]:
    """The tasks that selectors name, less those with a reason against them, which are `left_out`."""
    train: list[Task] = []
    for selector in selectors:
        for task in catalog.tasks(selector):
            reason = None if config.allow_overlap else reasons.get(task.card.name)
            if reason is None:
                train.append(task)
            elif _may_lose(config, catalog, selector):
                left_out[task.name] = reason
            else:
                raise OverlapError(
                    f"data.tasks names {selector!r}, but {task.name} is {reason}; take it out of data.tasks or "
                    "data.hold_out, or set data.allow_overlap: true"
                )
    return _unique(train)


def _may_lose(config: DataConfig, catalog: Catalog, selector: str) -> bool:
    """Whether a selector stands for what there is, and so loses quietly what is held out."""
    if config.submixtures:
        return selector.partition(":")[0] not in catalog
    return selector in {*TASK_PRESETS, *catalog.groups} or (
        config.hold_out_rule == "dataset" and selector in catalog.clusters
    )


def _at_hand(catalog: Catalog, selectors: Names) -> bool:
    try:
        return bool(catalog.selection(selectors))
    except UnknownNameError:
        return False


def excluded_cards(
    catalog: Catalog, hold_out: Collection[str], rule: Literal["cluster", "dataset"] = "cluster"
) -> dict[str, str]:
    """Names of cards that may not be trained on when `hold_out` is evaluated as unseen, with the reason.

    Holding out a dataset holds out its cluster (or its subcluster, where the card has one, as the released code splits
    the miscellaneous cluster; a miscellaneous dataset without one stands alone), and what is too close to it by the
    paper's rules or by a card's own. With the rule `dataset` only what is named is held out.
    """
    named = {task.card.name: "held out" for name in hold_out for task in catalog.tasks(name)}
    if rule == "dataset":
        return _same_rows(catalog, named) | named
    clusters: set[str] = set()
    subclusters: set[str] = set()
    for name in hold_out:
        if name in catalog.clusters:
            clusters.add(name)
            continue
        for task in catalog.tasks(name):
            _hold(task.card, clusters, subclusters)
    closed = excluded_clusters(clusters)
    reasons = {card.name: closed[card.cluster] for card in catalog.values() if card.cluster in closed}
    reasons |= {card.name: "held out" for card in catalog.values() if card.subcluster in subclusters} | named
    return _too_close(catalog, {name for name, reason in reasons.items() if reason == "held out"}) | reasons


def _same_rows(catalog: Catalog, named: Collection[str]) -> dict[str, str]:
    """The cards of a foreign collection that have the rows of a card that is named, and so its templates."""
    origins = {part.origin: name for name in named for part in catalog[name].foreign if part.origin}
    return {
        card.name: f"the rows of {origins[card.foreign[0].origin]}, which is held out"
        for card in catalog.values()
        if card.foreign and card.foreign[0].origin in origins
    }


def _too_close(catalog: Catalog, held_out: set[str]) -> dict[str, str]:
    """What a card's `too_close` drops: it holds both ways, and for all cards of a cluster that is not the paper's."""
    reasons: dict[str, str] = {}
    for card in catalog.values():
        if not card.too_close:
            continue
        mine = [card.name] if card.cluster in CLUSTERS else [task.card.name for task in catalog.tasks(card.cluster)]
        close = _named_close(catalog, card)
        if not held_out.isdisjoint(mine):
            reasons |= dict.fromkeys(close, f"too close to {card.name}")
        if near := sorted(close & held_out):
            reasons |= dict.fromkeys(mine, f"too close to {near[0]}")
    return reasons


def _named_close(catalog: Catalog, card: Card) -> set[str]:
    try:
        return {task.card.name for task in catalog.selection(card.too_close)}
    except UnknownNameError as fault:
        raise UnknownNameError(f"{card.name}: too_close: {fault}") from None


def training_rows(
    config: DataConfig, tasks: Iterable[Task], on_progress: Callable[[int, int], None] | None = None
) -> LoadedRows:
    """Load the training rows of every task that has any by its card; what is missing does not stop the others.

    As many as `per_cluster` and `datasets` ask for, in the order that the tasks are given in. `on_progress` gets how
    many are read, of how many.
    """
    from openflan.data.rows import keep_rows, load_rows
    from openflan.data.sources import parse_source

    source = parse_source(config.source)
    tasks = [task for task in tasks if any("train" in layout.splits for layout in task.layouts)]
    loaded = LoadedRows([], {})
    taken: Counter[str] = Counter()
    candidates = tasks if config.datasets is None else in_turn(tasks)
    first = _first(candidates, config)
    keep_rows(first, "train", source, limit=config.limit, carve=config.carve, on_progress=on_progress)
    for task in candidates:
        if taken[task.card.kind] == config.per_cluster or len(loaded.parts) == config.datasets:
            continue
        try:
            loaded.parts.append(load_rows(task, "train", source, limit=config.limit, carve=config.carve))
            taken[task.card.kind] += 1
        except (MissingRowsError, SchemaError) as error:
            loaded.missing[task.name] = str(error)
    order = {task.name: number for number, task in enumerate(tasks)}
    loaded.parts.sort(key=lambda part: order[part.task.name])
    if loaded.missing and (config.missing == "stop" or not loaded.parts):
        raise MissingRowsError(_missing(loaded))
    return loaded


def in_turn(tasks: Iterable[Task]) -> list[Task]:
    """The first task of every cluster, then the second of each, and so on."""
    by_kind: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_kind[task.card.kind].append(task)
    return [task for turn in zip_longest(*by_kind.values()) for task in turn if task is not None]


def _first(candidates: Iterable[Task], config: DataConfig) -> list[Task]:
    """Those that are mixed if none of them lacks its rows."""
    taken: Counter[str] = Counter()
    first: list[Task] = []
    for task in candidates:
        if taken[task.card.kind] != config.per_cluster and len(first) != config.datasets:
            first.append(task)
            taken[task.card.kind] += 1
    return first


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

    if not config.submixtures:
        return Mixture([component(part, **_how(config)) for part in rows.parts], config.seed)
    loaded = {part.task.name: part for part in rows.parts}
    parts = [
        replace(component(loaded[task.name], **_how(config, config.submixtures[name])), submixture=name)
        for name, tasks in select(config).submixtures.items()
        for task in tasks
        if task.name in loaded
    ]
    return Mixture(weighted(parts, {name: part.weight for name, part in config.submixtures.items()}), config.seed)


def _how(config: DataConfig, part: Submixture | None = None) -> dict[str, Any]:
    """How datasets are mixed: as a submixture says and, where it says nothing, the data section."""
    keys = ("rate", "rate_cap", "templates", "settings")
    given = {key: getattr(part, key) for key in keys if part is not None}
    return {key: getattr(config, key) if given.get(key) is None else given[key] for key in keys}


def _hold(card: Card, clusters: set[str], subclusters: set[str]) -> None:
    if card.subcluster:
        subclusters.add(card.subcluster)
    elif card.cluster != "misc":  # no kind of task: its members have nothing in common
        clusters.add(card.cluster)


def _unique(tasks: Iterable[Task]) -> list[Task]:
    return list({task.name: task for task in tasks}.values())
