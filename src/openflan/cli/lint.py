"""`openflan lint`: check cards and their templates, one finding a line."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "cards", nargs="*", default=["all"], help="card files or folders, datasets, clusters (default: the catalog)"
    )
    parser.add_argument("--source", default="samples", help="rows to check prompts on: samples, mirror:DIR, hub")


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if there are any."""
    from openflan.api.catalog import lint

    found = lint(*options.cards, source=options.source)
    print(found)
    return 1 if found.findings else 0
