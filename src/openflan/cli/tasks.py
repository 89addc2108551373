"""`openflan tasks`: the catalog as a table or as JSON."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("names", nargs="*", default=["all"], help="presets, clusters or datasets (default: all)")
    parser.add_argument("--cards", action="append", default=[], type=Path, help="a card or folder of cards of your own")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the catalog."""
    from openflan.api.catalog import catalog
    from openflan.cli.terminal import out, print_json, table

    found = catalog(*options.names, cards=options.cards)
    if options.json:
        print_json(found.to_dicts())
        return
    shown = found.table
    out.print(table(shown.title, shown.columns, shown.rows, cut=(3, 7)))
    out.print("\n" + "\n".join(shown.notes))
