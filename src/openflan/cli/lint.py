"""`openflan lint`: check cards and their templates, one finding a line."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from openflan.data.lint import lint_rows
from openflan.data.sources import RowSource, parse_source
from openflan.errors import CardError, UnknownNameError
from openflan.tasks.lint import CardFile, lint_card
from openflan.tasks.registry import CATALOG, load_catalog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "cards", nargs="*", default=["all"], help="card files or folders, datasets, clusters (default: the catalog)"
    )
    parser.add_argument("--source", default="samples", help="rows to check prompts on: samples, mirror:DIR, hub")


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if there are any."""
    source = parse_source(options.source)
    cards = findings = 0
    for path in _paths(options.cards):
        required = path.is_relative_to(CATALOG) or options.source != "samples"
        cards += 1
        for finding in _findings(path, source, required):
            print(finding)
            findings += 1
    print(f"{cards} card{'s' * (cards != 1)}, {findings or 'no'} finding{'s' * (findings != 1)}")
    return 1 if findings else 0


def _findings(path: Path, source: RowSource, required: bool) -> list[str]:
    try:
        file = CardFile.read(path)
    except CardError as error:
        return [
            f"{path}{fault.removeprefix(str(path)).replace(': ', ': FLN000 ', 1)}" for fault in str(error).splitlines()
        ]
    return [str(finding) for finding in [*lint_card(file), *lint_rows(file, source, required=required)]]


def _paths(given: Iterable[str]) -> Iterator[Path]:
    """The files of cards named by path or by what the catalog calls them, each once."""
    seen: set[Path] = set()
    for word in given:
        for path in _files(word):
            if path not in seen:
                seen.add(path)
                yield path


def _files(word: str) -> list[Path]:
    place = Path(word)
    if place.is_dir():
        return sorted(place.rglob("*.yaml"))
    if place.suffix == ".yaml":
        if not place.exists():
            raise UnknownNameError(f"no card at {place}")
        return [place]
    return [CATALOG / task.card.cluster / f"{task.card.name}.yaml" for task in load_catalog().tasks(word)]
