"""For every other engine: one command line per cell, and an array for Slurm that runs them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

ARRAY = "array.sbatch"


def cell_command(cell: Path, gpus: int = 1) -> list[str]:
    """The command line that does one cell's work, on any machine that sees its folder."""
    group = ["--gpus", str(gpus)] if gpus > 1 else []
    return [sys.executable, "-m", "openflan", "study", "cell", str(cell), *group]


def shell_lines(cells: Sequence[Path], gpus: int = 1) -> list[str]:
    """The command lines as a shell takes them, one per cell."""
    return [shlex.join(["openflan", *cell_command(cell, gpus)[3:]]) for cell in cells]


def sbatch(name: str, cells: Sequence[Path], gpus: int, seconds: float) -> str:
    """A Slurm script that runs a study's cells as an array.

    A cell that is stopped before its time (at a time limit, or for another job) has saved what it has and is queued
    again. `seconds` is the longest cell's forecast.
    """
    hours = hours_asked(seconds)
    lines = "\n".join(f"  {shlex.quote(str(cell))}" for cell in cells)
    more = f" --gpus {gpus}" if gpus > 1 else ""
    return f"""#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{len(cells) - 1}
#SBATCH --gpus-per-task={gpus}
#SBATCH --time={hours}:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
#SBATCH --output={name}-%a.log
#SBATCH --open-mode=append

cells=(
{lines}
)
srun openflan study cell "${{cells[$SLURM_ARRAY_TASK_ID]}}"{more}
status=$?
# 143 and 130 say that it was stopped and that the same command goes on from there.
if [ $status -eq 143 ] || [ $status -eq 130 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit $status
"""


def hours_asked(seconds: float) -> int:
    """The time limit for a cell that is forecast to take so long: three times that, an hour at least."""
    return max(1, round(3 * seconds / 3600 + 0.5))
