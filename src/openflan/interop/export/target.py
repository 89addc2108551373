"""What a tool that trains is to openflan: rows of its own shape, and the files that make one command of it run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from openflan.interop.export.examples import Exported
from openflan.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """What a tool's configuration is made of: the recipe, the model's folder, and where the export is."""

    recipe: Recipe
    model: Path
    folder: Path

    @property
    def data(self) -> Path:
        """The folder of the shards."""
        return self.folder / "data"

    @property
    def name(self) -> str:
        """What the data set is called in a tool that wants a name."""
        return "openflan_" + "".join(mark if mark.isalnum() else "_" for mark in self.recipe.name)


@dataclass(frozen=True)
class Target:
    """A tool: how it takes an example, the files beside the shards, and the command that trains on them.

    `remark` says how its labels stand to openflan's own.
    """

    name: str
    row: Callable[[Exported], dict[str, Any]]
    files: Callable[[Job], Mapping[str, str]]
    command: Callable[[Job], str]
    remark: str
    kind: Literal["jsonl", "parquet"] = "jsonl"


def as_yaml(values: Mapping[str, Any]) -> str:
    """A configuration in the order it is given."""
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)


def messages(example: Exported) -> dict[str, Any]:
    """An example as a turn of a user and one of the assistant."""
    turns = [("user", example.columns["input"]), ("assistant", example.columns["target"])]
    return {"messages": [{"role": role, "content": text} for role, text in turns], **example.provenance}
