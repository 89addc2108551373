"""All benchmarks, one after the other, and one table of goals and results: `python -m benchmarks`, or `make bench`.

    python -m benchmarks [--only verbs results] [--keep DIR]

The table is of this run alone: nothing that was written before is read. Each benchmark also runs on its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.goals import COMMANDS, GOALS, Command, Goal

Results = dict[str, list[dict[str, Any]]]


def main() -> int:
    """Run what is asked for; the exit status is 1 where a benchmark failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [command.result for command in COMMANDS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--keep", type=Path, help="an empty folder for the results (default: they are thrown away)")
    options = parser.parse_args()
    if options.keep and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty; the table is made of the results of one run")
    with TemporaryDirectory() as passing:
        folder = (options.keep or Path(passing)).resolve()
        chosen = [command for command in COMMANDS if command.result in options.only]
        failed = [command for command in chosen if not run(command, folder)]
        print(f"\n{table(results_in(folder), [command.result for command in chosen])}")
    print(f"\nload when it ended: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    for command in failed:
        print(f"{command.module} {' '.join(command.arguments)} failed")
    return int(bool(failed))


def run(command: Command, folder: Path) -> bool:
    """Run a benchmark that writes to the folder; whether it ended well."""
    print(f"\n{command.module} {' '.join(command.arguments)}", flush=True)
    places = {**os.environ, "OPENFLAN_BENCH_RESULTS": str(folder)}
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{command.module}", *command.arguments], env=places)
    return done.returncode == 0


def results_in(folder: Path) -> Results:
    """The rows of all results in a folder, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))["rows"] for path in folder.glob("*.json")}


def table(results: Results, ran: list[str]) -> str:
    """Goals and results, in Markdown."""
    lines = ["| work | goal | result | |", "|---|---|---:|---|"]
    return "\n".join([*lines, *(_line(goal, goal.figure(results), goal.result in ran) for goal in GOALS)])


def _line(goal: Goal, figure: float | None, has_run: bool) -> str:
    if figure is None:
        return f"| {goal.work} | {goal.text} | | {'nothing came of it' if has_run else 'not run'} |"
    return f"| {goal.work} | {goal.text} | {figure:,.2f} | {'met' if goal.is_met(figure) else 'not met'} |"


if __name__ == "__main__":
    sys.exit(main())
