"""What a report is about: every evaluation in a folder, whatever its name, and what the folder says of it.

The folder may be a run, an evaluation, or a folder of several. What cannot be read is kept by its name with the reason,
so that the report can say so and show the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from openflan.data.prompt import BASELINE as BASELINE_SETTING
from openflan.data.select import select
from openflan.errors import OpenflanError
from openflan.evaluation.analysis.blocks import Block, blocks
from openflan.evaluation.analysis.summary import Summary, summarize
from openflan.evaluation.results import BASELINE, LOG, PROMPTS, TUNED, UNTUNED, Results, ResultsError, read_results
from openflan.recipe import Recipe, load_recipe
from openflan.tasks.clusters import CLUSTERS

_ROLES = (TUNED, UNTUNED, BASELINE)
"""The evaluations of a run, in the order they are shown in; others come after them."""

_DAMAGE = (OpenflanError, pa.ArrowException, OSError, KeyError, TypeError, ValueError)
"""What reading files that somebody cut short, edited or wrote with another version may raise."""


@dataclass(frozen=True)
class Evaluation:
    """An evaluated model: its name in the report, its scored prompts by setting, and their summaries."""

    name: str
    results: Results
    blocks: Mapping[str, Mapping[str, Block]]
    summaries: Mapping[str, Summary]

    @property
    def settings(self) -> list[str]:
        """The settings that it was asked in."""
        return list(self.blocks)

    def in_setting(self, setting: str) -> str | None:
        """The setting to show beside others in `setting`: the same, or its own where it has been asked its own way
        alone (the untuned model with GPT-3-style prompts).
        """
        if setting in self.blocks:
            return setting
        return self.settings[0] if self.settings == [BASELINE_SETTING] else None


@dataclass(frozen=True)
class Group:
    """Datasets reported together: `key` in `summary.json`, a title, and the names of their blocks."""

    key: str
    title: str
    names: Sequence[str]


@dataclass(frozen=True)
class Found:
    """What a folder holds; `unread` says of each path why it could not be read."""

    folder: Path
    recipe: Recipe | None
    evaluations: Mapping[str, Evaluation]
    groups: Sequence[Group]
    unread: Mapping[str, str]

    @property
    def settings(self) -> list[str]:
        """The settings to report on, the one that findings speak of first: those of the tuned model lead."""
        own = [one for one in self.evaluations.values() if one.settings != [BASELINE_SETTING]]
        return list(dict.fromkeys(name for one in own or self.evaluations.values() for name in one.settings))


def collect(folder: Path) -> Found:
    """Read the evaluations of a folder; raises `ResultsError` when it has none that can be read."""
    places = _places(folder)
    unread: dict[str, str] = {}
    read: dict[str, Evaluation] = {}
    for place in places:
        try:
            one = _read(place, _name(place, folder, read))
            read[one.name] = one
        except _DAMAGE as error:
            unread[_relative(place, folder)] = _reason(error)
    if not read:
        why = "".join(f"\n- {path}: {reason}" for path, reason in unread.items())
        raise ResultsError(f"nothing to report on in {folder}: it holds no finished evaluation{why}")
    order = sorted(read, key=lambda name: _ROLES.index(name) if name in _ROLES else len(_ROLES))
    evaluations = {name: read[name] for name in order}
    recipe, groups = _grouped(folder, evaluations, unread)
    return Found(folder, recipe, evaluations, groups, unread)


def _places(folder: Path) -> list[Path]:
    """The folders that hold an evaluation, finished or not: this one, or those in it and in its `eval` folder."""
    if not folder.is_dir():
        raise ResultsError(f"there is no folder {folder}")
    if _holds_scores(folder):
        return [folder]
    run = sorted(one for one in folder.glob("eval/*") if one.is_dir() and not one.name.startswith("."))
    return run + sorted(one for one in folder.iterdir() if one.is_dir() and _holds_scores(one))


def _holds_scores(folder: Path) -> bool:
    return (folder / PROMPTS).is_file() or (folder / LOG).is_file()


def _name(place: Path, folder: Path, taken: Mapping[str, Evaluation]) -> str:
    """An evaluation of a run is called by its folder; others by their own name, or their folder where that is taken."""
    if place.parent == folder / "eval":
        return place.name
    try:
        own = read_results(place).name
    except ResultsError:
        return place.name
    return own if own not in taken else place.name


def _read(place: Path, name: str) -> Evaluation:
    results = read_results(place)
    found = {setting: blocks(results, "test", setting) for setting in results.settings}
    found = {setting: some for setting, some in found.items() if some}
    if not found:
        raise ResultsError("it has no prompts of test rows")
    return Evaluation(name, results, found, {setting: summarize(results, setting) for setting in found})


def _reason(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines and not isinstance(error, KeyError) else f"{type(error).__name__}: {error}"


def _relative(place: Path, folder: Path) -> str:
    return str(place.relative_to(folder)) if place != folder else place.name


def _grouped(
    folder: Path, evaluations: Mapping[str, Evaluation], unread: dict[str, str]
) -> tuple[Recipe | None, list[Group]]:
    """The recipe, where there is one, and by it what was held out, what was trained on, and what is neither."""
    found = {
        name: block for one in evaluations.values() for some in one.blocks.values() for name, block in some.items()
    }
    lines = sorted(found, key=lambda name: _cluster_order(found[name].cluster))
    path = folder / "recipe.yaml"
    if not path.is_file():
        return None, [Group("measured", "Measured", lines)]
    try:
        recipe = load_recipe(path)
        selection = select(recipe.data)
    except _DAMAGE as error:
        unread[path.name] = _reason(error)
        return None, [Group("measured", "Measured", lines)]
    trained = {task.name for task in selection.train}
    held_out = {task.name for task in selection.held_out} - trained
    return recipe, [
        group
        for group in (
            Group("held_out", "Never trained on", [line for line in lines if _task(line) in held_out]),
            Group("seen", "Trained on, other rows", [line for line in lines if _task(line) in trained]),
            Group("neither", "Neither held out nor trained on", _others(lines, held_out | trained)),
        )
        if group.names
    ]


def _task(line: str) -> str:
    """The task that a line belongs to: `wmt16_deen` of `wmt16_deen/en`."""
    return line.partition("/")[0]


def _others(lines: Iterable[str], known: set[str]) -> list[str]:
    return [line for line in lines if _task(line) not in known]


def _cluster_order(cluster: str) -> tuple[int, str]:
    known = list(CLUSTERS)
    return (known.index(cluster), "") if cluster in known else (len(known), cluster)
