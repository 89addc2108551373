"""Renew both tables of docs/reliability.md: the fuzz campaign's and the kill campaign's.

python -m benchmarks.reliability --inputs 20000 --kills 200
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import fuzz_campaign, kill_campaign

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"


def renewed(text: str, name: str, content: str) -> str:
    """The page with other content between the marks of this name; raises `ValueError` where it has no such marks."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, begins, rest = text.partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        raise ValueError(f"no marks of {name}")
    return f"{before}{begin}\n{content}\n\n{end}{after}"


def fuzzed(inputs: int, seed: int, folder: Path) -> tuple[str, bool]:
    """The fuzz campaign's table, and whether it found anything."""
    found = fuzz_campaign.campaign(inputs, seed, folder, fuzz_campaign.every_target())
    return fuzz_campaign.table(found), any(tally.wrong for tally in found.values())


def killed(kills: int, seed: int, folder: Path) -> tuple[str, bool]:
    """The kill campaign's table, and whether anything was lost."""
    folder.mkdir()
    found = kill_campaign.campaigns(kills, seed, folder)
    return kill_campaign.table(found), any(tally.wrong for tally in found.values())


def main() -> int:
    """Run both campaigns and write their tables; the exit status is 1 when one of them found anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    page, wrong = options.page.read_text(encoding="utf-8"), False
    with TemporaryDirectory() as folder:
        os.environ["OPENFLAN_CACHE"] = f"{folder}/cache"
        campaigns: dict[str, tuple[str, Callable[[], tuple[str, bool]]]] = {
            "fuzz": (f"{options.inputs:,} inputs", lambda: fuzzed(options.inputs, options.seed, Path(folder, "fuzz"))),
            "kills": (f"{options.kills:,} kills", lambda: killed(options.kills, options.seed, Path(folder, "kills"))),
        }
        for name, (what, run) in campaigns.items():
            began = time.monotonic()
            table, found = run()
            minutes = (time.monotonic() - began) / 60
            told = f"{what}, seed {options.seed}; {minutes:.0f} minutes; {date.today()}"
            print(f"{told}\n\n{table}\n", flush=True)
            page, wrong = renewed(page, name, f"{told}.\n\n{table}"), wrong or found
    options.page.write_text(page, encoding="utf-8")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
