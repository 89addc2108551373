"""The catalog: every card, by name, and the ways to speak of several at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from openflan.errors import CardError, UnknownNameError, nearest
from openflan.lists import listed
from openflan.tasks.card import Card, Source
from openflan.tasks.cardcache import read_cards
from openflan.tasks.cardfile import read_card
from openflan.tasks.clusters import CLUSTERS
from openflan.tasks.collections import named_collection, read_collection
from openflan.tasks.metric import parse_metric

CATALOG = Path(__file__).parent.parent / "catalog"
SAMPLES = Path(__file__).parent.parent / "samples"
FURTHER = Path(__file__).parent.parent / "further"
"""Cards that come with openflan and belong to no cluster of the paper; a recipe asks for them by name."""

PRESETS = ("flan62", "flan62_short", "flan69", "all")
"""`flan62`: the datasets of Figure 3; `flan62_short`: those of them whose answers are short, so that a small token
budget holds many of them (no summaries, translations or descriptions of data); `flan69`: the 69 tasks that the released
code mixes, with SuperGLUE's WSC, true-casing and word segmentation, and without WSC273; `all`: every card."""

_UNPRINTED = frozenset({"wsc", "true_case", "word_segment"})
"""Cards of the released mixture that Figure 3 does not show; of those that it shows, WSC273 is a test set alone."""

_LONG_ANSWERS = frozenset({"rouge", "bleu"})
"""Metrics of answers that are texts."""


@dataclass(frozen=True)
class Task:
    """One card and one of its variants: the unit that is mixed, trained on and evaluated."""

    card: Card
    variant: str = ""

    @property
    def name(self) -> str:
        """`rte`, or `anli:r1` for a variant."""
        return f"{self.card.name}:{self.variant}" if self.variant else self.card.name

    @property
    def folder(self) -> str:
        """The name of its folder in a mirror or among the samples: `rte`, `anli_r1`."""
        return self.name.replace(":", "_")

    @property
    def layouts(self) -> list[Source]:
        """What its rows may look like, in order of preference."""
        return self.card.layouts(self.variant)

    def __hash__(self) -> int:
        return hash(self.name)


class Catalog(Mapping[str, Card]):
    """Cards by name."""

    def __init__(self, cards: Iterable[Card]) -> None:
        self._cards = {card.name: card for card in cards}

    def __getitem__(self, name: str) -> Card:
        if name not in self._cards:
            raise UnknownNameError(f"unknown dataset {name!r}{nearest(name, self._cards)}")
        return self._cards[name]

    def __contains__(self, name: object) -> bool:
        return name in self._cards

    def __iter__(self) -> Iterator[str]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    @property
    def clusters(self) -> list[str]:
        """The paper's clusters in its order, then those of the users' own cards."""
        return list(dict.fromkeys([*CLUSTERS, *(card.cluster for card in self.values())]))

    @property
    def groups(self) -> set[str]:
        """The further names that select some cards, beside clusters, subclusters and the cards' own."""
        return {name for card in self.values() for name in card.groups}

    def tasks(self, selector: str) -> list[Task]:
        """The tasks a selector names: a preset, a cluster, a subcluster, a dataset, or `dataset:variant`."""
        name, _, variant = selector.partition(":")
        if name in self._cards:
            return _variants(self[name], variant)
        cards = [card for card in self.values() if _selects(name, card)]
        if not cards:
            subclusters = {card.subcluster for card in self.values() if card.subcluster}
            valid = [*self._cards, *self.clusters, *PRESETS, *subclusters, *self.groups]
            raise UnknownNameError(f"no dataset, cluster or preset is called {name!r}{nearest(name, valid)}")
        return [task for card in cards for task in _variants(card, "")]

    def selection(self, selectors: str | Iterable[str]) -> list[Task]:
        """The tasks that several selectors name, each once; a text may hold several, parted by commas or blanks."""
        texts = [selectors] if isinstance(selectors, str) else selectors
        names = (name for text in texts for name in listed(text))
        return list({task.name: task for name in names for task in self.tasks(name)}.values())


def _selects(name: str, card: Card) -> bool:
    if name == "flan62_short":
        return card.figure3 is not None and parse_metric(card.metric).name not in _LONG_ANSWERS
    if name == "flan69":
        return card.name in _UNPRINTED or (card.figure3 is not None and card.name != "wsc273")
    return (
        name == "all"
        or (name == "flan62" and card.figure3 is not None)
        or name in (card.cluster, card.subcluster, *card.groups)
    )


def _variants(card: Card, variant: str) -> list[Task]:
    if not variant:
        return [Task(card, name) for name in card.variant_names]
    if variant not in card.variants:
        raise UnknownNameError(f"{card.name} has no variant {variant!r}{nearest(variant, card.variants)}")
    return [Task(card, variant)]


@lru_cache(maxsize=8)
def load_catalog(*extra: Path | str) -> Catalog:
    """The package's cards in the order of Figure 3, then those of `extra`, which may replace them.

    `extra` are files or folders of cards, another collection's tasks, as in `promptsource:DIR`, or further cards of the
    package by their name, `cot`. Raises `CardError`.
    """
    catalog = Catalog(read_cards([path for cluster in CLUSTERS for path in sorted((CATALOG / cluster).glob("*.yaml"))]))
    for place in extra:
        catalog = Catalog([*catalog.values(), *_further(place, catalog)])
    return catalog


def _further(place: Path | str, catalog: Catalog) -> list[Card]:
    if (collection := named_collection(str(place))) is not None:
        return read_collection(*collection, catalog)
    path = Path(place).expanduser()
    if not path.exists() and (own := FURTHER / f"{place}.yaml").is_file():
        path = own
    if not path.exists():
        raise CardError(f"no card or folder of cards at {path}")
    return [read_card(one) for one in (sorted(path.rglob("*.yaml")) if path.is_dir() else [path])]
