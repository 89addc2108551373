"""A study that is small enough for a test, and a worker that does it and is killed on the way."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

SIX_CELLS: dict[str, Any] = {
    "title": "Six small cells",
    "about": "What the tests need.",
    "base": {
        "data": {"tasks": ["cola"], "hold_out": ["sentiment"]},
        "format": {"join": "eos", "input_length": 240, "target_length": 16},
        "train": {"steps": 3, "tokens_per_step": 512, "row_length": 256, "lr": 1.0e-2, "checkpoint_every": 1},
        "evaluate": {"tasks": ["sst2"], "rows": 6, "templates": [0, 1], "generate": "none", "settings": ["bare"]},
    },
    "axes": {
        "trained": {"values": {"options": {"data": {"settings": "options"}}, "bare": {"data": {"settings": "bare"}}}},
        "templates": {"sets": "data.templates", "values": [1, 2, 3]},
    },
    "contrasts": [
        {"over": "measured", "from": "untuned", "to": "tuned"},
        {"over": "trained", "from": "options", "to": "bare"},
    ],
    "figures": [
        {"kind": "heat", "title": "Both", "rows": ["measured", "trained"], "columns": ["templates"]},
        {"kind": "curve", "title": "Along", "x": "templates", "lines": ["measured", "trained"]},
        {"kind": "forest", "title": "Sets", "lines": ["measured", "trained", "templates"], "paper": ["flan_zero_avg"]},
    ],
    "published": [{"trained": "bare", "measured": "tuned", "templates": "2", "value": 61.5, "status": "R"}],
}


def planned_in(folder: Path, file: Path, *changes: str) -> Any:
    """The study planned in a folder, without a forecast."""
    from openflan.study.cells import expand, write_plan
    from openflan.study.drive import PlannedStudy
    from openflan.study.spec import load_study

    study = load_study(file, changes)
    cells = expand(study, str(file))
    write_plan(study, cells, folder, folder, {})
    return PlannedStudy(study, folder, folder, cells, {})


def do_all(folder: Path) -> None:
    """Do all cells, one after another, in this process."""
    from openflan.study.work import work_on_cell

    for cell in sorted((folder / "cells").iterdir()):
        work_on_cell(cell, lambda line: None)


def _killed_at(write: int) -> None:
    """Kill this process when it is about to bring so many files to the disk."""
    left, really = [write], os.fsync

    def fsync(handle: int) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        really(handle)

    os.fsync = fsync


def main(folder: Path, kills: int) -> int:
    """Do a study in a child process that is killed so many times, then once to the end; returns its exit status."""
    import small_models  # noqa: F401 - with the libraries underneath, imported once for all children

    import openflan.study.work  # noqa: F401

    chance = random.Random(0)
    for attempt in range(kills + 1):
        child = os.fork()
        if not child:
            if attempt < kills:
                _killed_at(chance.randint(4, 16))
            do_all(folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if attempt < kills and not os.WIFSIGNALED(status):
            return 3
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
