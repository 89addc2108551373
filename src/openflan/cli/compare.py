"""`openflan compare`: evaluated models against each other, prompt by prompt."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("runs", nargs="+", type=Path, help="folders with scores (eval/<name> of a run, or eval-<name>)")
    parser.add_argument("--split", choices=("test", "dev"), default="test", help="which rows (default: test)")
    parser.add_argument("--figure", type=Path, help="also draw the comparison to this SVG file")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print a table that holds every run against the first one."""
    from openflan.cli.terminal import out, print_json
    from openflan.errors import OpenflanError
    from openflan.evaluation.analysis.comparison import compare
    from openflan.evaluation.results import read_results
    from openflan.report.tables import comparison_table

    if len(options.runs) < 2:
        raise OpenflanError("name at least two folders to compare")
    results = [read_results(folder) for folder in options.runs]
    comparisons = [compare(results[0], other, options.split) for other in results[1:]]
    if options.json:
        print_json([asdict(comparison) for comparison in comparisons])
    else:
        out.print(comparison_table(comparisons))
    if options.figure:
        from openflan.files import write_text
        from openflan.report.strips import comparison_svg

        write_text(options.figure, comparison_svg(comparisons))
