"""Slurm, through `submitit`: a job in the queue for every cell.

A job that is preempted, or that comes near its time limit, has its cell save what it has, and is queued again. What was
submitted stays in the queue when the study's own process ends: state is in the folders, so nothing is lost by that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Any, Self

from openflan.errors import OpenflanError, RecipeError
from openflan.study.executors import KILLED, Resources
from openflan.study.executors.child import start

JOBS = "submitit"
"""Where, in a study's folder, `submitit` keeps its own files."""

_STOPPED_BEFORE = 120
"""Seconds before a job's time limit in which its cell saves what it has."""


class SlurmQueue:
    """Submits each command as a job; `settings` are `submitit`'s own parameters (`slurm_partition`, `timeout_min`, …).

    `cluster` is among them: `slurm` unless it says `local` or `debug`, with which jobs run on this machine. `minutes`
    is the time limit where `timeout_min` names no other. Raises `RecipeError` for a parameter that there is not, and
    `OpenflanError` where there is no Slurm, or no `submitit`.
    """

    def __init__(self, folder: Path, minutes: int, settings: Mapping[str, Any]) -> None:
        try:
            import submitit
        except ImportError:
            raise OpenflanError("the executor slurm needs submitit: pip install 'openflan[slurm]'") from None
        own = {"cluster": "slurm", "timeout_min": minutes, "slurm_signal_delay_s": _STOPPED_BEFORE, **settings}
        self._lost: type[Exception] = submitit.core.utils.UncompletedJobError
        try:
            self._jobs: Any = submitit.AutoExecutor(folder=folder / JOBS / "%j", cluster=own.pop("cluster"))
            self._jobs.update_parameters(name=folder.name, nodes=1, tasks_per_node=1, **own)
        except (NameError, TypeError, AssertionError, ValueError) as fault:
            raise RecipeError(f"submitit does not take these settings: {fault}") from None
        except RuntimeError as fault:
            raise OpenflanError(f"no job can be submitted from here: {fault}") from None

    def submit(self, argv: Sequence[str], folder: Path, resources: Resources) -> Any:
        """Put a command into the queue."""
        cores = {"cpus_per_task": resources.cores} if resources.cores else {}
        self._jobs.update_parameters(gpus_per_node=resources.gpus, **cores)
        return self._jobs.submit(_Command(argv, folder))

    def poll(self, handle: Any) -> int | None:
        """The exit status of a command, `KILLED` for one whose job ended without a word; None before its end."""
        if not handle.done():
            return None
        try:
            return int(handle.result())
        except self._lost:
            return KILLED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Jobs stay in the queue."""


class _Command:
    """What a job does: runs the command. `checkpoint` is what `submitit` calls before the job is queued again."""

    def __init__(self, argv: Sequence[str], folder: Path) -> None:
        self._argv, self._folder, self._where = list(argv), folder.resolve(), Path.cwd()
        self._process: Popen[bytes] | None = None

    def __call__(self) -> int:
        self._process = start(self._argv, self._folder, where=self._where)
        return self._process.wait()

    def checkpoint(self) -> Any:
        """Have the command save what it has; the same command goes on from there."""
        import submitit

        if self._process is not None:
            self._process.terminate()
            with suppress(ChildProcessError):
                # This runs in a signal's handler, inside the `wait` of `__call__`, whose lock it would wait for.
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._process = None
        return submitit.helpers.DelayedSubmission(self)
