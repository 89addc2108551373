"""Settings: how prompts are put, in the short form that recipes use.

A setting says which writers put the examples (`openflan.data.prompt`), whether the OPTIONS block is shown, and how many
exemplars come first. A mixture draws among its settings by weight; an evaluation asks in each of its own.

| in a recipe | meaning |
|---|---|
| `options` | the card's templates with the OPTIONS block, as in the paper |
| `bare` | the card's templates without the block |
| `{options: 1, bare: 1}` | either, equally often |
| `{bare: 3, few: {shots: {count: 4}}}` | a setting of one's own, with exemplars, for a quarter of the prompts |
| `flan_v2` | the Flan Collection's four, equally often: with or without exemplars, with or without the block |
| `{flan_v2: {few: 0.3, options: 0.5}}` | the same with the shares that have exemplars, and that show the block |
| `promptsource` | promptsource's templates of the dataset, where a card brings some |
| `baseline`, `plain`, `name` | GPT-3-style prompts; raw fields; raw fields under the names of task and dataset |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from openflan.data.blocks import BlockStyle
from openflan.data.fewshot import Shots
from openflan.data.foreign import foreign_writers
from openflan.data.prompt import BASELINE, NAME, PLAIN, PROMPTSOURCE, BaselineWriter, FieldsWriter, Writer, writers
from openflan.errors import nearest
from openflan.lists import listed
from openflan.ranges import Count, NonNegative, Seed
from openflan.tasks.registry import Task

WriterKind = Literal["templates", "promptsource", "baseline", "plain", "name"]


@dataclass(frozen=True)
class Setting:
    """How prompts are put."""

    writers: WriterKind = "templates"
    """The card's templates, promptsource's, its GPT-3-style prompt, or its raw fields (under a line of names). A
    dataset that has promptsource's templates alone is put in these for `templates` too."""
    options: bool = True
    """Whether the OPTIONS block is shown, where a task has options."""
    shots: Shots = Shots()  # noqa: RUF009 - frozen
    """Exemplars before each query: `count`, `budget` in tokens, `per_query`, `balanced`."""
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """How often it is drawn in training, against the other settings."""
    block: BlockStyle = "dashes"
    """How the OPTIONS block looks: the paper's `dashes`, or `drawn` anew for every prompt, as the Flan Collection has
    it; items that have names are answered by their names then."""
    inversion: NonNegative | None = None
    """In training, how often inverted templates are drawn, against 1 for all others together; empty: every template as
    often as any other."""
    cut: Count | None = None
    """Most characters of each value that a promptsource template prints; T0's data have 2048."""
    seed: Seed = 0
    """Decides how drawn blocks look, and what `choice` draws in promptsource templates."""

    def writers_of(self, task: Task, limit: int | None = None, *, forward_only: bool = False) -> Sequence[Writer]:
        """The writers that put a task in this setting; `limit` keeps only the first templates."""
        match self.writers:
            case "promptsource":
                return self._foreign(task, limit, forward_only)
            case "templates" if not task.card.templates:
                return self._foreign(task, limit, forward_only)
            case "templates":
                return writers(
                    task,
                    limit,
                    forward_only=forward_only or self.inversion == 0,
                    options=self.options,
                    block=self.block,
                    seed=self.seed,
                )
            case "baseline":
                return [BaselineWriter(task)] if task.card.baseline else []
            case kind:
                return [FieldsWriter(task, named=kind == NAME, options=self.options)]

    def _foreign(self, task: Task, limit: int | None, forward_only: bool) -> Sequence[Writer]:
        forward_only = forward_only or self.inversion == 0
        return foreign_writers(task, limit, forward_only=forward_only, cut=self.cut, seed=self.seed)


OPTIONS, BARE = "options", "bare"
"""The names of the two settings of the card's templates: with the OPTIONS block, and without."""

PRESETS: Mapping[str, Setting] = {
    OPTIONS: Setting(),
    BARE: Setting(options=False),
    BASELINE: Setting("baseline", options=False),
    PLAIN: Setting("plain", options=False),
    NAME: Setting("name", options=False),
    PROMPTSOURCE: Setting("promptsource", options=False),
}
"""Settings that need no description."""

_PRESET_VALUES: dict[str, dict[str, Any]] = {
    name: {"writers": setting.writers, "options": setting.options} for name, setting in PRESETS.items()
}


FLAN_V2 = "flan_v2"
"""The short form of the Flan Collection's four settings."""


def flan_v2(few: float = 0.5, options: float = 0.5, **others: Any) -> dict[str, dict[str, Any]]:
    """The Flan Collection's settings (Longpre et al. 2023, section 3), as a recipe writes them out.

    `few` is the share of prompts with exemplars, `options` that of prompts with the OPTIONS block; a setting's weight
    is the product of its two shares, and one without weight is left out. `others` are keys of every setting, and
    `shots` one of those with exemplars: five by default, others for every query, in 1,920 tokens with it. Raises
    `ValueError` for a share that is none.
    """
    for share in (few, options):
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"{FLAN_V2}: few and options are shares from 0 to 1, not {share!r}")
    shots = {"count": 5, "budget": 1920, "per_query": True, **others.pop("shots", {})}
    weights = {
        "zero_options": (1 - few) * options,
        "few_options": few * options,
        "zero_bare": (1 - few) * (1 - options),
        "few_bare": few * (1 - options),
    }
    return {
        name: {"block": "drawn", **others, "options": "options" in name, "weight": weight}
        | ({"shots": shots} if name.startswith("few") else {})
        for name, weight in weights.items()
        if weight > 0
    }


def _spelled_out(spec: Any) -> Any:
    """Bring the short forms of the module's table into full ones; raises `ValueError`."""
    spec = listed(spec)
    if isinstance(spec, list | tuple):
        spec = dict.fromkeys(spec, 1.0)
    if not isinstance(spec, Mapping):
        return spec
    if not spec:
        raise ValueError("name at least one setting")
    full: dict[str, Any] = {}
    for name, value in spec.items():
        if name == FLAN_V2:
            full |= flan_v2(**value) if isinstance(value, Mapping) else flan_v2()
        elif isinstance(value, Setting):
            full[name] = value
        elif isinstance(value, Mapping):
            full[name] = {**_PRESET_VALUES.get(name, {}), **value}
        elif name in PRESETS:
            full[name] = {**_PRESET_VALUES[name], "weight": value}
        else:
            known = (*PRESETS, FLAN_V2)
            raise ValueError(f"no setting is called {name!r}{nearest(str(name), known)}; describe it: {{options: …}}")
    return full


Settings = Annotated[dict[str, Setting], BeforeValidator(_spelled_out)]
"""Settings by name, in order."""
