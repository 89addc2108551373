"""The twelve task clusters of the paper's Figure 3, and what may not be trained on when one is held out."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

from openflan.errors import UnknownNameError

CLUSTERS: dict[str, str] = {
    "nli": "Natural language inference",
    "commonsense": "Commonsense",
    "sentiment": "Sentiment",
    "paraphrase": "Paraphrase",
    "closed_book_qa": "Closed-book QA",
    "struct_to_text": "Struct to text",
    "translation": "Translation",
    "reading_comprehension": "Reading comprehension",
    "rc_commonsense": "Reading comprehension with commonsense",
    "coreference": "Coreference",
    "misc": "Miscellaneous",
    "summarization": "Summarization",
}
"""Folder name under `catalog/` → the paper's title (Figure 3)."""

TOO_CLOSE: dict[str, frozenset[str]] = {
    "rc_commonsense": frozenset({"reading_comprehension", "commonsense"}),
    "reading_comprehension": frozenset({"rc_commonsense"}),
    "commonsense": frozenset({"rc_commonsense"}),
    "nli": frozenset({"paraphrase"}),
    "paraphrase": frozenset({"nli"}),
}
"""Clusters dropped from training besides the one that is held out (paper section 2.2, footnote 1)."""


_OWN_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_cluster(name: str) -> str:
    """Return the name of a cluster, the paper's or one of the card's own; raises `UnknownNameError`.

    A name that is nearly one of the paper's is taken for a slip, unless it is one with a word before or after it.
    """
    if name in CLUSTERS:
        return name
    if not _OWN_NAME.fullmatch(name):
        raise UnknownNameError(f"a cluster's name has small letters, digits and underscores, unlike {name!r}")
    close = get_close_matches(name, CLUSTERS, n=1, cutoff=0.8)
    if close and not set(close[0].split("_")) < set(name.split("_")):
        raise UnknownNameError(
            f"unknown cluster {name!r}; did you mean {close[0]!r}? (a cluster of your own needs another name)"
        )
    return name


def excluded_clusters(held_out: Collection[str]) -> dict[str, str]:
    """Clusters that may not be trained on when `held_out` are evaluated as unseen, each with the reason."""
    excluded = dict.fromkeys(held_out, "held out")
    for cluster in held_out:
        for neighbour in sorted(TOO_CLOSE.get(cluster, ())):
            excluded.setdefault(neighbour, f"too close to {cluster}")
    return excluded
