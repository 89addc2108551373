"""Ray: a task for every cell, on this machine or on a cluster whose machines share a disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from openflan.errors import OpenflanError, RecipeError
from openflan.study.executors import KILLED, Resources
from openflan.study.executors.child import start


class RayTasks:
    """Runs each command in a task of its own; `settings` are those of `ray.init` (`address`, `num_cpus`, …).

    Every machine needs this environment and sees the study's folder. Ray gives a task its cores and GPUs. Raises
    `RecipeError` for a setting that there is not, and `OpenflanError` where no cluster answers, or without Ray.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # which would report to a server of its makers
        try:
            import ray
        except ImportError:
            raise OpenflanError("the executor ray needs ray: pip install 'openflan[ray]'") from None
        self._ray: Any = ray
        own = {} if "address" in settings else {"include_dashboard": False}
        try:
            ray.init(**{**own, "log_to_driver": False, **settings})
        except Exception as fault:  # it raises a bare one where a process of its own does not come up in time
            if isinstance(fault, TypeError | ValueError) or "keyword" in str(fault):
                raise RecipeError(f"ray.init does not take these settings: {fault}") from None
            raise OpenflanError(f"Ray does not start, or does not answer: {fault}") from None
        # Who goes on with a cell whose worker died is for the study to say, as with every executor.
        self._run = ray.remote(max_retries=0)(_run)

    @property
    def gpus(self) -> int:
        """GPUs of the whole cluster."""
        return int(self._ray.cluster_resources().get("GPU", 0))

    def submit(self, argv: Sequence[str], folder: Path, resources: Resources) -> Any:
        """Have a command run as soon as the cluster has room for it."""
        task = self._run.options(num_cpus=resources.cores or 1, num_gpus=resources.gpus)
        return task.remote(list(argv), folder.resolve(), Path.cwd())

    def poll(self, handle: Any) -> int | None:
        """The exit status of a command, `KILLED` for one whose worker is no more; None before its end."""
        ended, _ = self._ray.wait([handle], timeout=0)
        if not ended:
            return None
        try:
            return int(self._ray.get(handle))
        except self._ray.exceptions.RayError:
            return KILLED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End what runs, and leave the cluster."""
        self._ray.shutdown()


def _run(argv: list[str], folder: Path, where: Path) -> int:
    return start(argv, folder, where=where).wait()
