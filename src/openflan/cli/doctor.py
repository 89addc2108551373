"""`openflan doctor`: whether a source has rows for every card, in the layout that the card expects."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openflan.data.doctor import Check, State

_ROLES = ("train", "dev", "test")
_COLOURS: dict[State, str] = {"there": "green", "missing": "yellow", "different": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.epilog = "Exit status: 0 when everything is there, 1 when something is missing or different."
    parser.add_argument(
        "names", nargs="*", help="presets, clusters, datasets or dataset:variant (default: all, without their columns)"
    )
    parser.add_argument(
        "--source", default="samples", help="samples, mirror:DIR, hub (which fetches the rows), or several with commas"
    )
    parser.add_argument("--cards", action="append", default=[], type=Path, help="a card or folder of cards of your own")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Check every card, print what was found; 1 when something is missing or different."""
    from openflan.api.catalog import doctor
    from openflan.cli.terminal import print_json

    checks = doctor(*options.names, source=options.source, cards=options.cards)
    if options.json:
        print_json([asdict(found) for found in checks])
    else:
        _print(checks, options.source, columns=bool(options.names))
    return int(any(found.state != "there" for found in checks))


def _print(checks: list[Check], source: str, columns: bool) -> None:
    from openflan.cli.terminal import escape, out, table
    from openflan.wording import counted

    cells = [
        (
            found.task,
            found.state,
            *(f"{found.roles[role].rows:,}" if role in found.roles else "" for role in _ROLES),
            f"{left_out:,}" if (left_out := sum(sum(role.left_out.values()) for role in found.roles.values())) else "",
            found.origin,
        )
        for found in checks
    ]
    headings = ("dataset", "state", *_ROLES, "left out", "found in")
    out.print(table(f"Rows of {source}", headings, cells, numbers=range(2, 6), cut=(6,)))
    if columns:
        for found in checks:
            for split, types in found.columns.items():
                listed = ", ".join(f"{name}: {kind}" for name, kind in types.items())
                out.print(f"  {found.task} {split}: {escape(listed)}", soft_wrap=True)
    for found in checks:
        for role, rows in found.roles.items():
            for reason, count in rows.left_out.items():
                many = counted(count, "row")
                out.print(f"  {found.task} {role}: {many} left out: {escape(reason)}", soft_wrap=True)
    for found in checks:
        for problem in found.problems:
            out.print(f"[{_COLOURS[found.state]}]{found.state}:[/] {escape(problem)}", soft_wrap=True)
    states = Counter(found.state for found in checks)
    found_in = ", ".join(f"{states[state]} {state}" for state in _COLOURS)
    many = counted(len(checks), "dataset or variant", "datasets and variants")
    out.print(f"\n{many}: {found_in}")
