"""A Jinja environment for untrusted texts: what a text does is counted, in steps and characters, and limited.

Every turn of a loop, call, filter, test, operator and output costs some of a text's *fuel*: a step, and the size of
its result. Operations whose result may be much longer than their arguments (`replace`, `join`, `center`) are charged
before they run. The limit does not depend on time, so a text is refused on every machine or on none, and memory stays
within what was charged. Filters and methods without a known bound are left out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, ItemsView, KeysView, Mapping, Sequence, Set, ValuesView
from functools import wraps
from types import GeneratorType
from typing import Any

from jinja2 import Environment, StrictUndefined, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

FUEL = 2_000_000
"""What any rendering may cost; well under a second's worth."""

_FOR_A_CHARACTER = 20
"""What it may cost besides for each character of the names it is rendered on."""

_STEP = 25
_READ = 10
"""Characters that are only looked at cost this much less than those that are made."""

_PART = 8
"""A number, or the place of a part in a list, in characters."""

_LONGEST_RANGE = 1_000
_LONGEST_PRODUCT = 100_000
_LONGEST_NUMBER = 4_096
"""Bits of a product."""

_FILTERS = frozenset([
    "abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "first",
    "float", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max",
    "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice", "sort",
    "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "wordcount",
])  # fmt: skip
_TEXT_METHODS = frozenset([
    "capitalize", "casefold", "center", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii",
    "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "ljust", "lower",
    "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition",
    "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
])  # fmt: skip


class Spent(Exception):
    """A text has used up its fuel."""


class _Tank(threading.local):
    left = 0
    names: Mapping[str, Any] | None = None


_tank = _Tank()


def fill(names: Mapping[str, Any]) -> None:
    """Fuel for one rendering on these names."""
    _tank.left, _tank.names = FUEL, names


def size(value: Any, most: int = FUEL) -> int:
    """Characters and parts of a value, each as often as it stands there; counting ends beyond `most`."""
    if isinstance(value, str):
        return len(value)
    total, waiting = 0, [value]
    while waiting and total <= most:
        one = waiting.pop()
        total += _PART
        if isinstance(one, str):
            total += len(one)
        elif isinstance(one, list | tuple) and _are_texts(one):
            total += _PART * len(one) + sum(map(len, one))
        elif isinstance(one, Mapping):
            waiting += [part for pair in one.items() for part in pair]
        elif isinstance(one, list | tuple | Set | KeysView | ValuesView | ItemsView):
            waiting += one
        elif isinstance(one, Namespace):
            waiting += one._Namespace__attrs.values()
        elif isinstance(one, int):
            total += one.bit_length() // 4
    return total


def _are_texts(parts: Sequence[Any]) -> bool:
    """Whether all parts are plain texts, as the words of a text are: their sizes are added up at once."""
    return set(map(type, parts)) == {str}


def _spend(amount: int) -> None:
    _tank.left -= amount
    if _tank.left < 0:
        _refill()
    if _tank.left < 0:
        raise Spent


def _refill() -> None:
    """Add, once, what the size of the names allows for."""
    if _tank.names is not None:
        _tank.left += _FOR_A_CHARACTER * size(_tank.names, 100 * FUEL)
        _tank.names = None


def _size(*values: Any) -> int:
    """The size of values; raises `Spent` where all fuel would not pay for it."""
    total = sum(map(size, values))
    if total > FUEL:
        _refill()
        most = max(_tank.left, FUEL)
        if (total := sum(size(value, most) for value in values)) > most:
            raise Spent
    return total


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that changes no row, draws nothing at random, and stops texts that do not end."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, undefined: type[Undefined] = StrictUndefined, *, keep_trailing_newline: bool = True) -> None:
        super().__init__(
            undefined=undefined, autoescape=False, keep_trailing_newline=keep_trailing_newline, finalize=put
        )
        del self.globals["lipsum"]
        self.globals["range"] = _range
        # Without a context they would be run while a text is compiled.
        self.filters = {name: bounded(name, self.filters[name]) for name in _FILTERS}
        self.filters |= {"_counted": _counted, "_compared": _compared, "_turn": _turn}
        tests: Mapping[str, Any] = self.tests
        self.tests = {name: bounded(name, test) for name, test in tests.items()}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Texts have the methods that are known to be bounded; numbers have none."""
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return not isinstance(obj, int | float | bytes) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """A format could ask for any width; there is none (see `is_safe_attribute`)."""

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call what a text calls, which costs its arguments and its result."""
        owner = getattr(__obj, "__self__", None)
        name = getattr(__obj, "__name__", "") if isinstance(owner, str) else ""
        args = tuple(map(_whole, args))
        given = {key: value for key, value in kwargs.items() if not key.startswith("_")}  # Jinja adds some of its own
        _pay(f".{name}", (owner, *args) if name else args, given)
        return _made(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Reckon within bounds."""
        if operator == "**":
            raise SecurityError("a text of a card has no powers")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("a text of a card has no %-formats; join the parts with ~")
        if operator == "*":
            _check_product(left, right)
        _spend(_STEP + _size(left, right) // _READ)
        return _made(super().call_binop(context, operator, left, right))

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        return super()._generate(_Counting(self).visit(source), *args, **kwargs)


class _Counting(NodeTransformer):
    """Puts the counting into a text's tree, where the environment itself is not asked."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def _body(self, node: Any) -> Any:
        """Each turn of a body costs as much as there is in it."""
        weight = sum(len(one.data) if isinstance(one, nodes.TemplateData) else 1 for one in node.find_all(nodes.Node))
        self.generic_visit(node)
        turn = nodes.Output([self._through(nodes.Const(weight), "_turn")])
        node.body = [turn.set_lineno(node.lineno).set_environment(self._environment), *node.body]
        return node

    visit_For = visit_Macro = visit_CallBlock = visit_Block = _body

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """All parts are put together at once."""
        self.generic_visit(node)
        node.nodes = [self._through(part, "_counted") for part in node.nodes]
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        """Values are compared, or searched, to their depths."""
        self.generic_visit(node)
        node.expr = self._through(node.expr, "_compared")
        for operand in node.ops:
            operand.expr = self._through(operand.expr, "_compared")
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        """A slice is a copy."""
        self.generic_visit(node)
        return self._through(node, "_counted") if isinstance(node.arg, nodes.Slice) else node

    def _through(self, node: nodes.Expr, name: str) -> nodes.Filter:
        made = nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
        made.set_lineno(node.lineno or 1).set_environment(self._environment)
        return made


def bounded(name: str, act: Any) -> Callable[..., Any]:
    """A filter or test that costs what it is given and what it makes."""

    @wraps(act)
    def run(*args: Any, **kwargs: Any) -> Any:
        args = tuple(map(_whole, args))
        own = args[1:] if args and isinstance(args[0], Context | EvalContext | Environment) else args
        _pay(name, own, kwargs)
        return _made(act(*args, **kwargs))

    return run


def _whole(value: Any) -> Any:
    """Items that come one by one, as a list that has a size."""
    lazy = isinstance(value, GeneratorType | map | filter | zip | enumerate) or type(value) is type(reversed([]))
    return list(value) if lazy else value


def _pay(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    _spend(_STEP + _size(args, kwargs) // _READ)
    if growth := _GROWTH.get(name):
        _spend(growth(*args, **kwargs))


def _made(value: Any) -> Any:
    _spend(_size(value))
    return value


@pass_context
def put(context: Context, value: Any) -> Any:
    """What a text puts out."""
    _spend(_STEP + _size(value))
    return value


@pass_context
def _counted(context: Context, value: Any) -> Any:
    return _made(value)


@pass_context
def _compared(context: Context, value: Any) -> Any:
    _spend(_STEP + _size(value) // _READ)
    return value


@pass_context
def _turn(context: Context, weight: int) -> str:
    _spend(_STEP + weight)
    return ""


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _LONGEST_RANGE:
        raise SecurityError(f"a range of more than {_LONGEST_RANGE:,} numbers")
    return numbers


def _check_product(left: Any, right: Any) -> None:
    for sequence, times in ((left, right), (right, left)):
        if isinstance(times, int) and hasattr(sequence, "__len__") and len(sequence) * times > _LONGEST_PRODUCT:
            raise SecurityError(f"a product of more than {_LONGEST_PRODUCT:,} parts")
    if isinstance(left, int) and isinstance(right, int) and (left.bit_length() + right.bit_length()) > _LONGEST_NUMBER:
        raise SecurityError("a product of numbers that are too long")


def _replaced(text: Any, old: Any, new: Any, count: int | None = None) -> int:
    return len(str(text)) + str(text).count(str(old)) * len(str(new))


def _joined(parts: Any, gap: Any = "", attribute: Any = None) -> int:
    return _size(parts) + len(parts) * len(str(gap))


def _rounded(value: Any, precision: int = 0, method: str = "common") -> int:
    if precision > 100:  # it is made a power of ten
        raise SecurityError("a number is rounded to 100 places at the most")
    return 0


def _summed(parts: Any, attribute: Any = None, start: Any = 0) -> int:
    if not isinstance(start, int | float):
        raise SecurityError("only numbers are summed")
    return 0


def _wide(value: Any, width: Any = 80, *more: Any) -> int:
    return int(width)


def _indented(text: Any, width: Any = 4, first: bool = False, blank: bool = False) -> int:
    return (str(text).count("\n") + 1) * (len(width) if isinstance(width, str) else int(width))


_GROWTH: Mapping[str, Callable[..., int]] = {
    "replace": _replaced,
    ".replace": _replaced,
    "join": _joined,
    ".join": lambda gap, parts: _joined(parts, gap),
    "round": _rounded,
    "sum": _summed,
    "indent": _indented,
    "tojson": lambda value, indent=None: _size(value) * int(indent or 1),
    **dict.fromkeys(("center", ".center", ".ljust", ".rjust", ".zfill"), _wide),
    **dict.fromkeys(("batch", "slice"), lambda value, count, fill_with=None: int(count)),
}
"""What may be much longer than what it is made of: a bound on its length."""
