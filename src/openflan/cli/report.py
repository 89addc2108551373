"""`openflan report`: the HTML page of a run, rebuilt from its folder."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("folder", type=Path, help="a run folder")


def run(options: argparse.Namespace) -> None:
    """Write the page and say where it is."""
    from openflan.api.run import write_report
    from openflan.cli.terminal import out

    out.print(f"Report: {write_report(options.folder).page}")
