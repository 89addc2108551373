"""`openflan compare`: evaluated models against each other, prompt by prompt."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("runs", nargs="+", type=Path, help="folders with scores (eval/<name> of a run, or eval-<name>)")
    parser.add_argument("--split", choices=("test", "dev"), default="test", help="which rows (default: test)")
    parser.add_argument("--figure", type=Path, help="also draw the comparison to this SVG file")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print a table that compares every run with the first one."""
    from openflan.api.evaluation import compare
    from openflan.cli.terminal import out, print_json

    found = compare(*options.runs, split=options.split)
    if options.json:
        print_json(found.to_dicts())
    else:
        out.print(found)
    if options.figure:
        found.plot(options.figure)
