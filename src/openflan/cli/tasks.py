"""`openflan tasks`: the catalog as a table or as JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openflan.tasks.card import Card


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("names", nargs="*", default=["all"], help="presets, clusters or datasets (default: all)")
    parser.add_argument("--cards", action="append", default=[], type=Path, help="a card or folder of cards of your own")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the catalog."""
    from openflan.cli.terminal import out, print_json, table
    from openflan.tasks.registry import load_catalog
    from openflan.wording import counted

    catalog = load_catalog(*options.cards)
    cards = list({task.card.name: task.card for name in options.names for task in catalog.tasks(name)}.values())
    if options.json:
        print_json([describe(card) for card in cards])
        return
    rows = [
        (
            card.cluster,
            card.name,
            ", ".join(card.variants),
            options_in_words(card),
            card.metric,
            f"{len(card.forward_templates)}+{len(card.templates) - len(card.forward_templates)}",
            ", ".join(available(card)),
            card.licence,
        )
        for card in cards
    ]
    columns = ("cluster", "dataset", "variants", "options", "metric", "templates", "rows from", "licence")
    papers = sum(card.figure3 is not None for card in cards)
    templates = sum(len(card.templates) for card in cards)
    out.print(table("", columns, rows, cut=(3, 7)))
    out.print(
        f"\n{counted(len(cards), 'dataset')}, {papers} of the paper's 62; {templates} templates (forward + inverted)"
    )


def describe(card: Card) -> dict[str, Any]:
    """A card as plain data."""
    return {
        "name": card.name,
        "title": card.title,
        "cluster": card.cluster,
        "subcluster": card.subcluster,
        "figure3": card.figure3,
        "variants": list(card.variants),
        "options": _options(card),
        "metric": card.metric,
        "templates": [
            {"id": number, "input": template.input, "target": template.target, "inverted": template.inverted}
            for number, template in enumerate(card.templates)
        ],
        "licence": card.licence,
        "citation": card.citation,
        "available": available(card),
    }


def options_in_words(card: Card) -> str:
    """The options as a table cell shows them."""
    given = _options(card)
    if given is None:
        return "free-form"
    return " / ".join(given) if isinstance(given, list) else "per row"


def available(card: Card) -> list[str]:
    """Where rows can be had: the bundled samples, the hub, or only a mirror of one's own."""
    from openflan.tasks.registry import SAMPLES

    layouts = [layout for variant in card.variant_names for layout in card.layouts(variant)]
    places = ["samples"] if any((SAMPLES / name).is_dir() for name in _folders(card)) else []
    return places + (["hub"] if any(layout.hub for layout in layouts) else []) + ["mirror"]


def _options(card: Card) -> list[str] | str | None:
    """Fixed options as a list; `per row` where rows bring their own; None for free-form tasks."""
    spec = card.layouts(card.variant_names[0])[0].options
    if spec is None:
        return None
    texts = list(spec.values()) if isinstance(spec, dict) else []
    return texts if texts and not any("{{" in text for text in texts) else "per row"


def _folders(card: Card) -> list[str]:
    return [card.name, *(f"{card.name}_{variant}" for variant in card.variants)]
