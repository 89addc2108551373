"""How long verbs take from the first key to the last line: without any rows, and on the whole mixture at full size.

    python -m benchmarks.bench_verbs [--rounds 5] [--source ../shared/data] [--rows 1400000]

Each is a process of its own, and the median counts. The mixture's rows are those of a mirror that is made for it
(`full_size.py`); it is mixed once into an empty cache, and then from that.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.full_size import ROWS, make
from benchmarks.shared import run, write_results

WITHOUT_ROWS = {
    "openflan --help": ("--help",),
    "openflan tasks": ("tasks",),
    "a typo in train": ("train", "quickstart", "--set", "train.stepz=1"),
}
COLUMNS = ("verb", "rounds", "seconds", "peak MB")


def main() -> None:
    """Measure and write results/verbs.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--source", type=Path, default=Path("../shared/data"), help="a mirror of Parquet files")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the mirror that is made of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        os.environ["OPENFLAN_CACHE"] = str(Path(passing, "cache"))
        lines = [line(name, verb, options.rounds) for name, verb in WITHOUT_ROWS.items()]
        facts = {"rows": 0}
        if options.source.is_dir():
            facts["rows"] = make(options.source, Path(passing, "mirror"), options.rows)
            lines += mixed(Path(passing, "mirror"), options.rounds)
    write_results("verbs", lines, COLUMNS, facts)


def mixed(mirror: Path, rounds: int) -> list[dict[str, Any]]:
    """The whole mixture over a mirror's rows: the first time, and from then on."""
    changes = [f"data.source=mirror:{mirror}", "data.missing=skip", "data.carve=true"]
    verb = ["mix", *(part for change in changes for part in ("--set", change))]
    return [line("mix flan62, first", verb, 1), line("mix flan62, kept", verb, rounds)]


def line(name: str, verb: Sequence[str], rounds: int) -> dict[str, Any]:
    """A line of the table."""
    taken = [run(sys.executable, "-m", "openflan", *verb) for _ in range(rounds)]
    seconds, peaks = zip(*taken, strict=True)
    found = {"verb": name, "rounds": rounds, "seconds": median(seconds), "peak MB": max(peaks)}
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
