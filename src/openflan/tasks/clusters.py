"""The twelve task clusters of the paper's Figure 3, and what may not be trained on when one is held out."""

from __future__ import annotations

from collections.abc import Collection

from openflan.errors import UnknownNameError, nearest

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


def check_cluster(name: str) -> str:
    """Return `name` if it is a cluster; raises `UnknownNameError` naming the nearest one otherwise."""
    if name not in CLUSTERS:
        raise UnknownNameError(f"unknown cluster {name!r}{nearest(name, CLUSTERS)}")
    return name


def excluded_clusters(held_out: Collection[str]) -> dict[str, str]:
    """Clusters that may not be trained on when `held_out` are evaluated as unseen, each with the reason."""
    excluded = {check_cluster(cluster): "held out" for cluster in held_out}
    for cluster in held_out:
        for neighbour in sorted(TOO_CLOSE.get(cluster, ())):
            excluded.setdefault(neighbour, f"too close to {cluster}")
    return excluded
