"""Instruction tuning after FLAN, end to end.

    import openflan as of

    mix = of.mixture("flan62", hold_out="sentiment")
    run = of.train("smollm2-135m-instruct", mix, tokens=65_536, adapter=of.Lora(rank=16), out="runs/nb")
    before = of.evaluate("smollm2-135m-instruct", mix.held_out, rows=64)
    after = of.evaluate(run.model, mix.held_out, rows=64)
    of.compare(before, after)

The names in `__all__` are the public interface; every other module is internal and may change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from openflan.api.catalog import catalog as catalog
    from openflan.api.catalog import doctor as doctor
    from openflan.api.catalog import licences as licences
    from openflan.api.catalog import lint as lint
    from openflan.api.catalog import make_rows as make_rows
    from openflan.api.collections import import_tasks as import_tasks
    from openflan.api.contamination import find_contamination as find_contamination
    from openflan.api.data import mixture as mixture
    from openflan.api.data import show as show
    from openflan.api.evaluation import compare as compare
    from openflan.api.evaluation import evaluate as evaluate
    from openflan.api.evaluation import read_evaluation as read_evaluation
    from openflan.api.export import export as export
    from openflan.api.prepare import estimate as estimate
    from openflan.api.prepare import prepare as prepare
    from openflan.api.run import run as run
    from openflan.api.run import write_report as write_report
    from openflan.api.score import score as score
    from openflan.api.training import train as train
    from openflan.data.encode import Format as Format
    from openflan.errors import OpenflanError as OpenflanError
    from openflan.model.adapters import Lora as Lora
    from openflan.model.soft_prompt import SoftPrompt as SoftPrompt
    from openflan.recipe import Recipe as Recipe
    from openflan.recipe import load_recipe as load_recipe

_PLACES = {
    "Format": "openflan.data.encode",
    "Lora": "openflan.model.adapters",
    "OpenflanError": "openflan.errors",
    "Recipe": "openflan.recipe",
    "SoftPrompt": "openflan.model.soft_prompt",
    "catalog": "openflan.api.catalog",
    "compare": "openflan.api.evaluation",
    "doctor": "openflan.api.catalog",
    "estimate": "openflan.api.prepare",
    "evaluate": "openflan.api.evaluation",
    "export": "openflan.api.export",
    "find_contamination": "openflan.api.contamination",
    "import_tasks": "openflan.api.collections",
    "licences": "openflan.api.catalog",
    "lint": "openflan.api.catalog",
    "load_recipe": "openflan.recipe",
    "make_rows": "openflan.api.catalog",
    "mixture": "openflan.api.data",
    "prepare": "openflan.api.prepare",
    "read_evaluation": "openflan.api.evaluation",
    "run": "openflan.api.run",
    "score": "openflan.api.score",
    "show": "openflan.api.data",
    "train": "openflan.api.training",
    "write_report": "openflan.api.run",
}
"""Where each public name is imported from when it is first used: `import openflan` alone is instant."""

__all__ = [*_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'openflan' has no attribute {name!r}")
    found = getattr(import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
