"""Where the rows of promptsource's datasets come from, and under which names its templates know their columns.

`promptsource.yaml` beside this module says which of them are the catalog's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from openflan.errors import CardError
from openflan.tasks.card import Card, Source
from openflan.tasks.schema import ANY, ColumnType, parse_column_type
from openflan.tasks.slices import Role
from openflan.yamlfile import read_yaml

UNKNOWN_KIND = "misc"
"""The cluster of a dataset whose kind nobody has said: it stands alone there."""

_FILE = Path(__file__).with_name("promptsource.yaml")
_SPLITS: Mapping[Role, str] = {"train": "train", "test": "validation"}
_ANY = parse_column_type(ANY)


class Known(BaseModel):
    """What `promptsource.yaml` says of a dataset (its head explains the keys)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: str = ""
    cluster: str = UNKNOWN_KIND
    splits: dict[Role, str] = dict(_SPLITS)
    text: list[str] = []
    rename: dict[str, str] = {}
    given: dict[str, str] = Field({}, alias="from")


@cache
def _entries() -> dict[str, Known]:
    return {key: Known(**entry) for key, entry in read_yaml(_FILE, CardError)[1].items()}


def known(key: str) -> Known:
    """What is known of a dataset by its key, `super_glue/rte`."""
    return _entries().get(key, Known())


def twin_of(key: str, catalog: Mapping[str, Card]) -> tuple[Card | None, str]:
    """The catalog's card with the same rows, and its variant where the dataset is just that."""
    name, _, variant = known(key).card.partition(":")
    return catalog.get(name), variant


def rows_of(key: str, catalog: Mapping[str, Card], columns: Sequence[str]) -> dict[str, Any]:
    """The layout of a dataset as keys of a card: the catalog's, or the hub's copy of that name."""
    twin, variant = twin_of(key, catalog)
    return _twin_rows(twin, variant, known(key), columns) if twin else _hub_rows(key, known(key), columns)


def _hub_rows(key: str, known: Known, columns: Iterable[str]) -> dict[str, Any]:
    """Rows as the hub's copy of that name has them."""
    dataset, _, subset = key.partition("/")
    hub = {"path": dataset, "name": subset, "grade": "C"}
    return {
        "sources": [{"hub": {key: value for key, value in hub.items() if value}}],
        "columns": dict.fromkeys(columns, ANY),
        "native": {name: f"{{{{ {name} }}}}" for name in columns},
        "splits": dict(known.splits),
    }


def _twin_rows(twin: Card, variant: str, known: Known, columns: Sequence[str]) -> dict[str, Any]:
    """The rows of a catalog's card in each of its layouts, without what the card makes of them."""
    chosen = {
        name: [_stripped(layout, twin, name, known, columns) for layout in twin.layouts(name)]
        for name in twin.variant_names
        if variant in ("", name)
    }
    if len(chosen) == 1:
        return {"sources": next(iter(chosen.values()))}
    return {
        "variants": {name: {"title": twin.variants[name].title, "sources": found} for name, found in chosen.items()}
    }


def _stripped(layout: Source, twin: Card, variant: str, known: Known, columns: Sequence[str]) -> dict[str, Any]:
    kinds, native = _native(layout, known, columns)
    kept = {
        "hub": layout.hub and layout.hub.model_dump(exclude_none=True),
        "mirror": layout.mirror or (f"{twin.name}_{variant}" if variant else twin.name),
        "splits": {role: str(part) for role, part in layout.splits.items()},
        "unit": layout.unit,
        "prepare": layout.prepare,
        "skip": layout.skip,
        "columns": {name: kind.spec for name, kind in kinds.items()},
        "native": native,
    }
    return {key: value for key, value in kept.items() if value}


def with_templates(card: Card, own: Card, known: Known) -> Card:
    """The catalog's card with the templates of a promptsource card beside its own."""
    columns = list(own.layouts(own.variant_names[0])[0].native)

    def grown(sources: Sequence[Source], variant: str) -> list[Source]:
        pairs = zip(sources, card.layouts(variant), strict=True)
        named = [(source, _native(layout, known, columns)) for source, layout in pairs]
        return [source.model_copy(update={"columns": kinds, "native": native}) for source, (kinds, native) in named]

    def copied(part: Any, variant: str, **changes: Any) -> Any:
        return part.model_copy(
            update={**changes, **({"sources": grown(part.sources, variant)} if part.sources else {})}
        )

    variants = {name: copied(one, name) for name, one in card.variants.items()}
    shared = [name for name in card.variant_names if not (name and card.variants[name].sources)]
    grown_card: Card = copied(card, shared[0] if shared else "", foreign=own.foreign, variants=variants)
    return grown_card


def _native(layout: Source, known: Known, wanted: Sequence[str]) -> tuple[dict[str, ColumnType], dict[str, str]]:
    """The columns, and the row in promptsource's names, for a layout of the catalog's."""
    columns = dict(layout.columns)
    renamed = {new: old for old, new in known.rename.items() if old in columns}
    native: dict[str, str] = {}
    for name in wanted:
        here = renamed.get(name, name)
        if here not in columns and name in known.given:
            native[name] = known.given[name]
            continue
        kind = columns.setdefault(here, _ANY)
        is_id = kind.labels and here not in known.text
        native[name] = f"{{{{ {list(kind.labels)!r}.index({here}) }}}}" if is_id else f"{{{{ {here} }}}}"
    return columns, native
