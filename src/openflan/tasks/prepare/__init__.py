"""Small functions for rows whose shape a card's expressions cannot express.

A *prepare* function takes a row and returns names to add to it; an *expand* function takes a row and returns several
rows (the questions of a dialogue). Both may raise `SkipRow`. A card names them by function name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from openflan.errors import UnknownNameError, nearest

Row = Mapping[str, Any]
"""One row: column name → value, in the terms of the card's `columns`."""

Prepare = Callable[[Row], Row]
Expand = Callable[[Row], list[Row]]


class SkipRow(Exception):
    """A row that cannot make an example; the message is the reason it is counted under."""


@lru_cache(maxsize=1)
def _functions() -> dict[str, Callable[[Row], Any]]:
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


def function(name: str) -> Callable[[Row], Any]:
    """The prepare or expand function of that name; raises `UnknownNameError`."""
    functions = _functions()
    if name not in functions:
        raise UnknownNameError(f"no prepare function is called {name!r}{nearest(name, functions)}")
    return functions[name]
