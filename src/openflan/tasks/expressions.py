"""The commonest expressions of cards as plain functions, several times as fast as Jinja runs them.

Covered is what means the same in both and makes nothing long: a name, a key of a mapping, a harmless method of a
string with constant arguments, one `join`, `== constant`, `not`, `and`, `or`. Everything else is Jinja's; a test holds
the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

Evaluate = Callable[[Mapping[str, Any]], Any]

_METHODS = frozenset(
    {"strip", "lstrip", "rstrip", "split", "replace", "lower", "upper", "removeprefix", "removesuffix"}
)

_LONGEST_GAP = 100
"""Characters between joined parts; what could make much of little is Jinja's, which is counted."""


def compile_expression(node: nodes.Node) -> Evaluate | None:
    """A function for an expression, or None when it holds anything not covered.

    The function raises `KeyError` for a name or key that is missing and `TypeError` for a value of another kind.
    """
    match node:
        case nodes.Name(name=name):
            return lambda names: names[name]
        case nodes.Not(node=inner):
            return _then(inner, lambda value: not value)
        case nodes.Compare(expr=inner, ops=[nodes.Operand(op="eq", expr=nodes.Const(value=constant))]):
            return _then(inner, lambda value: bool(value == constant))
        case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
            return _either(compile_expression(left), compile_expression(right), isinstance(node, nodes.And))
        case nodes.Getattr(node=inner, attr=key) if not hasattr(dict, key):
            return _then(inner, lambda value: _of(dict, value)[key])
        case nodes.Call(node=nodes.Getattr(node=inner, attr=name), kwargs=[], dyn_args=None, dyn_kwargs=None):
            values = _constants(node.args)
            if name in _METHODS and values is not None and not (name == "replace" and _grows(*values)):
                method = getattr(str, name)
                return _then(inner, lambda value: method(_of(str, value), *values))
        case nodes.Filter(
            node=nodes.Expr() as inner, name="join", args=[nodes.Const(value=str() as gap)], kwargs=[]
        ) if len(gap) <= _LONGEST_GAP and inner.find(nodes.Filter) is None:
            return _then(inner, lambda value: gap.join(map(str, _of(list, value))))
    return None


def _then(node: nodes.Node | None, act: Evaluate) -> Evaluate | None:
    inner = compile_expression(node) if node is not None else None
    return None if inner is None else lambda names: act(inner(names))


def _either(left: Evaluate | None, right: Evaluate | None, both: bool) -> Evaluate | None:
    if left is None or right is None:
        return None
    return (lambda names: left(names) and right(names)) if both else (lambda names: left(names) or right(names))


def _constants(arguments: list[nodes.Expr]) -> list[Any] | None:
    values = [argument.value for argument in arguments if isinstance(argument, nodes.Const)]
    return values if len(values) == len(arguments) else None


def _grows(old: Any = "", new: Any = "", *_: Any) -> bool:
    """Whether replacing may make a text longer; Jinja's own is counted."""
    return not (isinstance(old, str) and isinstance(new, str) and 0 < len(old) >= len(new))


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} where a {kind.__name__} is expected")
    return value
