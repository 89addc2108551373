"""An executor by its name, and what a cell needs of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, assert_never

from openflan.errors import RecipeError
from openflan.study.executors import Executor, Resources
from openflan.study.executors.local import LocalPool, visible_gpus
from openflan.study.executors.ray import RayTasks
from openflan.study.executors.script import hours_asked
from openflan.study.executors.slurm import SlurmQueue
from openflan.yamlfile import parse_value

Kind = Literal["local", "slurm", "ray"]


def choose(
    kind: Kind,
    folder: Path,
    *,
    slots: int | None,
    gpus: int | None,
    longest: float,
    settings: Mapping[str, Any],
) -> tuple[Executor, Resources]:
    """The executor of a kind, and the resources of a cell, whose longest is forecast to take so many seconds.

    `gpus` of None is one GPU where there are any; on Slurm, where that cannot be seen from here, it is one. Raises
    `RecipeError` for settings that the executor does not have, and `OpenflanError` where it cannot be reached.
    """
    match kind:
        case "local":
            if settings:
                raise RecipeError(f"the executor local has no settings, such as {next(iter(settings))}; see --slots")
            devices = visible_gpus() if gpus != 0 else []
            return LocalPool(slots or 1, devices), _needed(gpus, len(devices))
        case "slurm":
            minutes = 60 * hours_asked(longest)
            return SlurmQueue(folder, minutes, settings), Resources(gpus=1 if gpus is None else gpus)
        case "ray":
            tasks = RayTasks(settings)
            return tasks, _needed(gpus, tasks.gpus if gpus != 0 else 0)
        case _:
            assert_never(kind)


def read_settings(given: Sequence[str]) -> dict[str, Any]:
    """Settings that were written as `key=value`; raises `RecipeError`."""
    settings = {}
    for one in given:
        key, separator, value = one.partition("=")
        try:
            settings[key.strip()] = parse_value(value)
        except ValueError as fault:
            raise RecipeError(f"--with {one}: {fault}") from None
        if not separator or not key.strip():
            raise RecipeError(f"--with {one}: write KEY=VALUE, as in --with slurm_partition=gpu")
    return settings


def _needed(gpus: int | None, there: int) -> Resources:
    """What a cell needs where so many GPUs are there."""
    if not there and not gpus:
        return Resources()
    if (wanted := 1 if gpus is None else gpus) > max(1, there):
        raise RecipeError(f"a cell is to take {wanted} GPUs, but there are {there}")
    return Resources(gpus=wanted if there else 0)
