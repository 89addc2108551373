"""promptsource's dialect of Jinja, in our sandbox.

One text makes both parts of a prompt, with `|||` between them; it is rendered first and parted then, since the mark may
stand inside a condition or a loop. A text that does not give two parts passes over its row on purpose. Unlike in a
card, an undefined name is an empty text, and lists and mappings that a text makes may be changed by it. `choice` and
`random` draw by a function that the caller gives, so that a draw belongs to a row and not to the hour.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cache, lru_cache, wraps
from typing import Any, NamedTuple

from jinja2 import Undefined, meta, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context

from openflan.tasks.bounds import BoundedEnvironment, bounded, put
from openflan.tasks.text import Names, TextError, compile_in, parse

BAR = "|||"
"""What parts input and target, and one choice and the next."""

CHOICES = "answer_choices"
"""The name under which a text has its rendered choices."""

CUT = 2_048
"""Characters after which T0's data had every printed value cut, with `...` in the place of the rest."""

Draw = Callable[[Sequence[Any]], Any]
"""Takes one entry of several."""

_DRAW = "_draw"
_BAR_IN_ROW = "3ed2dface8203c4c9dfb1a5dc58e41e0"
"""What stands for a row's own `|||` while the text is rendered, as in promptsource."""

_CHANGING: Mapping[type, frozenset[str]] = {list: frozenset({"append", "pop"}), dict: frozenset({"update", "pop"})}
_FORMAT = re.compile(r"%[-+ #0]*\d{0,2}(?:\.\d{0,2})?[diouxXeEfFgGcrsa%]")


class Parts(NamedTuple):
    """A rendered prompt; `choices` is None where the template has none."""

    input: str
    target: str
    choices: tuple[str, ...] | None


Render = Callable[[Names, Draw], "Parts | None"]
"""Row and draw → the prompt; None where the template passes over the row. Raises `TextError`."""


@lru_cache(maxsize=4_096)
def compile_prompt(jinja: str, choices: str | None = None, cut: int | None = None) -> Render:
    """Compile a template's two texts; raises `TextError` on bad syntax or an unknown filter.

    With `cut`, every value that is printed is a text of at most so many characters, whole words and `...`.
    """
    prompt = compile_in(_environment(cut), jinja)
    listed = None if choices is None else compile_in(_environment(None), choices)
    changes = any(f".{name}(" in f"{jinja}{choices}" for names in _CHANGING.values() for name in names)

    def render(row: Names, draw: Draw) -> Parts | None:
        if CHOICES in row:
            raise TextError(f"a column is called {CHOICES}, which is the template's own name")
        names = {name: _guarded(value) for name, value in (deepcopy(dict(row)) if changes else row).items()}
        names[_DRAW] = draw
        options = None if listed is None else [part.strip() for part in listed(names).split(BAR)]
        parts = [_opened(part) for part in prompt({**names, CHOICES: options}).split(BAR)]
        if len(parts) != 2:
            return None
        return Parts(parts[0], parts[1], None if options is None else tuple(map(_opened, options)))

    return render


def columns_in(jinja: str, choices: str | None = None) -> frozenset[str]:
    """The columns that a template refers to; raises `TextError` on bad syntax."""
    environment = _environment(None)
    trees = [parse(text, environment) for text in (jinja, choices) if text]
    names = frozenset[str]().union(*map(meta.find_undeclared_variables, trees))
    return names - environment.globals.keys() - {CHOICES}


def _guarded(value: Any) -> Any:
    return value.replace(BAR, _BAR_IN_ROW) if isinstance(value, str) and BAR in value else value


def _opened(part: str) -> str:
    return part.strip().replace(_BAR_IN_ROW, BAR)


class PromptsourceEnvironment(BoundedEnvironment):
    """The sandbox with promptsource's filters and rules; see the module's text."""

    def __init__(self, cut: int | None) -> None:
        super().__init__(Undefined, keep_trailing_newline=False)
        self.globals["zip"] = zip
        own = {"choice": _drawn, "random": _drawn, "most_frequent": _most_frequent, "highlight": _highlight}
        self.filters |= {name: bounded(name, act) for name, act in own.items()}
        self.filters["format"] = bounded("format", _formatted)
        if cut is not None:
            self.finalize = _shortened(self, cut)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Besides what cards may do, lists and mappings can be changed; those of the row are copies then."""
        return attr in _CHANGING.get(type(obj), frozenset()) or super().is_safe_attribute(obj, attr, value)


@cache
def _environment(cut: int | None) -> PromptsourceEnvironment:
    return PromptsourceEnvironment(cut)


def _shortened(environment: BoundedEnvironment, most: int) -> Callable[[Context, Any], str]:
    truncate = environment.filters["truncate"]

    @pass_context
    def shorten(context: Context, value: Any) -> str:
        text = str(put(context, value))
        return text if len(text) <= most else str(truncate(environment, text, most))

    return shorten


@pass_context
def _drawn(context: Context, values: Sequence[Any]) -> Any:
    return context.parent[_DRAW](list(values))


def _most_frequent(values: Sequence[Any]) -> list[Any]:
    """All values that occur as often as the commonest does, in the order of their first occurrence."""
    counts = Counter(values)
    return [value for value, count in counts.items() if count == max(counts.values())]


def _highlight(text: Any) -> str:
    return f"<span style='color: #F08080'>{text}</span>"


@wraps(FILTERS["format"])
def _formatted(pattern: Any, *values: Any, **named: Any) -> str:
    if "%" in _FORMAT.sub("", str(pattern)):
        raise SecurityError("a format has widths of two digits at the most")
    return str(FILTERS["format"](pattern, *values, **named))
