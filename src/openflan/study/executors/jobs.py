"""Commands that are done side by side: each is handed to an executor, and again if what ran it was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from openflan.study.executors import KILLED, Executor, Resources

_PAUSE = 1.0
"""Seconds between two looks at how far they are."""

_TRIES = 3
"""How often a command is begun whose process was killed."""

_KILLED = frozenset({KILLED, -15, 128 + 9, 128 + 15})
"""Exit statuses of a process that did not end by itself, as Python and as shells have them."""


class Job(NamedTuple):
    """A command, and the folder that what it prints goes to."""

    argv: Sequence[str]
    folder: Path


def run_jobs(
    executor: Executor, jobs: Mapping[str, Job], resources: Resources, on_look: Callable[[], None]
) -> dict[str, int]:
    """Have all jobs done; returns how each of them ended, by its name.

    One whose process, or machine, was killed is handed over again, and goes on wherever it is put. `on_look` is called
    every so often.
    """

    def submit(name: str) -> Any:
        return executor.submit(jobs[name].argv, jobs[name].folder, resources)

    handles = {name: submit(name) for name in jobs}
    tries = dict.fromkeys(jobs, 1)
    ended: dict[str, int] = {}
    while len(ended) < len(jobs):
        for name in jobs.keys() - ended.keys():
            if (status := executor.poll(handles[name])) is None:
                continue
            if status in _KILLED and tries[name] < _TRIES:
                tries[name] += 1
                handles[name] = submit(name)
            else:
                ended[name] = status
        on_look()
        time.sleep(_PAUSE)
    return ended
