"""Texts with holes: the Jinja of cards, compiled once and sandboxed.

Two readings of a text exist. As *text* it renders to a string. As a *value*, a text that is one single
`{{ expression }}` keeps the expression's type (a list of options, say), and anything else renders to a string.

Cards may come from anyone, so everything runs in Jinja's sandbox, and an undefined name is an error rather
than an empty string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.runtime import Context

from openflan.errors import CardError
from openflan.tasks.bounds import BoundedEnvironment, Spent, fill
from openflan.tasks.expressions import compile_expression

Names = Mapping[str, Any]
"""What a text may refer to, by name."""

HOLE = "\N{WHITE SQUARE}"
"""What stands for a value where a text is looked at without one."""

_LONGEST = 100_000
"""Characters of a text; compiling takes some microseconds for each."""

_DEEPEST = 100
_MOST_PIECES = 200
"""Holes of a text that is joined without counting."""
_WHOLE_EXPRESSION = re.compile(r"\{\{-?(?!.*\}\}.+)(.*?)-?\}\}", re.DOTALL)
_FAULTS = (
    TemplateError,
    TypeError,
    AttributeError,
    LookupError,
    ValueError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
"""What an expression of a card can raise on a row it was not written for."""


class TextError(ValueError):
    """A text that does not compile, or does not render on the names at hand."""


_ENVIRONMENT = BoundedEnvironment()


@cache
def compile_text(source: str) -> Callable[[Names], str]:
    """Compile `source` to a function from names to text; raises `TextError` on bad syntax.

    A text of literal pieces and plain `{{ name }}` holes, which most templates are, becomes one string join: the
    same output as Jinja's (tested), some thirty times as fast.
    """
    pieces = _plain_pieces(source)
    return compile_in(_ENVIRONMENT, source) if pieces is None else _join(pieces)


def compile_in(environment: BoundedEnvironment, source: str) -> Callable[[Names], str]:
    """Compile `source` in an environment, for texts in another dialect than the cards'; raises `TextError`."""
    template = _template(source, environment)

    def render(names: Names) -> str:
        try:
            return "".join(_run(template, _context(template, names), source))
        except _FAULTS as error:
            raise TextError(str(error)) from error

    return render


@cache
def compile_value(source: str) -> Callable[[Names], Any]:
    """Compile `source` to a function from names to a typed value (see the module's text)."""
    whole = _WHOLE_EXPRESSION.fullmatch(source.strip())
    if whole is None:
        return compile_text(source)
    expression = whole.group(1).strip()
    match parse(source.strip()).body:
        case [nodes.Output(nodes=[nodes.Name(name=name)])]:
            return lambda names: _lookup(names, name)
        case [nodes.Output(nodes=[node])] if (run := compile_expression(node)) is not None:
            evaluated = run
        case _:
            evaluated = _by_jinja(expression)

    def evaluate(names: Names) -> Any:
        try:
            return evaluated(names)
        except KeyError as error:
            raise TextError(f"{{{{ {expression} }}}}: {error} is undefined") from error
        except _FAULTS as error:
            raise TextError(f"{{{{ {expression} }}}}: {error}") from error

    return evaluate


def _by_jinja(expression: str) -> Callable[[Names], Any]:
    template = _template(f"{{% set result = ({expression}) %}}")

    def evaluate(names: Names) -> Any:
        context = _context(template, names)
        for _ in _run(template, context, expression):
            pass
        value = context.vars["result"]
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, StrictUndefined):
                str(part)  # raises Jinja's own words for it
        return value

    return evaluate


@cache
def names_in(source: str) -> frozenset[str]:
    """The names a text refers to."""
    if (pieces := _plain_pieces(source)) is not None:
        return frozenset(piece for is_name, piece in pieces if is_name)
    return frozenset(meta.find_undeclared_variables(parse(source)))


@cache
def shown_names(source: str) -> frozenset[str]:
    """The names whose whole values a text puts out, rather than only asks about (as `{% if name %}` does)."""
    return frozenset(
        name for output in parse(source).find_all(nodes.Output) for part in output.nodes for name in _shown(part)
    )


def literal_text(source: str, hole: str = HOLE, block: str = "") -> str:
    """The literal words of a text, with `hole` for each `{{ expression }}` and `block` for each `{% statement %}`."""
    marks = {"data": None, "variable_begin": hole, "block_begin": block}
    tokens = _ENVIRONMENT.lex(source)
    return "".join(value if kind == "data" else marks[kind] or "" for _, kind, value in tokens if kind in marks)


@cache
def readings(source: str, silent: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """How a text reads with a white square for each value: all its conditions true, then all of them false.

    A value under one of the `silent` names reads as nothing. Readings without any text are left out.
    """
    tree = parse(source)
    texts = dict.fromkeys(_read(tree, holds, silent) for holds in (True, False))
    return tuple(text for text in texts if text.strip())


def _read(node: nodes.Node | None, holds: bool, silent: frozenset[str]) -> str:
    match node:
        case nodes.TemplateData(data=text):
            return text
        case nodes.Const(value=value):
            return str(value)
        case nodes.Name(name=name) if name in silent:
            return ""
        case nodes.CondExpr() | nodes.If():
            return "".join(_read(part, holds, silent) for part in _branch(node, holds))
        case nodes.Template(body=parts) | nodes.For(body=parts) | nodes.Output(nodes=parts) | nodes.Concat(nodes=parts):
            return "".join(_read(part, holds, silent) for part in parts)
        case nodes.Expr():
            return HOLE
    return ""


def _branch(node: nodes.CondExpr | nodes.If, holds: bool) -> list[nodes.Node]:
    if isinstance(node, nodes.If):
        return node.body if holds else node.else_
    chosen = node.expr1 if holds else node.expr2
    return [chosen] if chosen is not None else []


def _shown(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Name():
            yield node.name
        case nodes.CondExpr():
            yield from _shown(node.expr1)
            if node.expr2 is not None:
                yield from _shown(node.expr2)
        case nodes.Concat():
            for part in node.iter_child_nodes():
                yield from _shown(part)


def _template(source: str, environment: BoundedEnvironment = _ENVIRONMENT) -> Template:
    parse(source, environment)  # which tells of nesting that is too deep
    try:
        template = environment.from_string(source)
    except (TemplateError, SyntaxError, RecursionError, MemoryError) as error:  # an unknown filter, endless brackets
        raise TextError(str(error)) from error
    template.globals = {}  # they come with every context, as part of its one mapping
    return template


def _context(template: Template, names: Names) -> Context:
    """What `template` is rendered in. Sharing one mapping saves Jinja most of its work for texts this short."""
    return template.new_context({**template.environment.globals, **names}, shared=True)


def _run(template: Template, context: Context, source: str) -> Iterator[str]:
    """The pieces that a template puts out; raises `CardError` for one that does not end on names of this size."""
    fill(context.parent)
    try:
        yield from template.root_render_func(context)
    except Spent:
        shown = source if len(source) <= 80 else source[:79] + "…"
        raise CardError(
            f"the text {shown!r} does not end, or makes more than a text may; write it more simply"
        ) from None


@lru_cache(maxsize=8)
def parse(source: str, environment: BoundedEnvironment = _ENVIRONMENT) -> nodes.Template:
    """The tree of a text, which is asked for several times in a row and changed by nobody.

    Raises `TextError` for bad syntax, and for one that is too long or nested too deeply.
    """
    if len(source) > _LONGEST:
        raise TextError(f"a text of more than {_LONGEST:,} characters")
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise TextError(f"{error.message} (line {error.lineno} of the text)") from error
    except RecursionError:
        raise TextError("nested too deeply") from None
    level: list[nodes.Node] = [tree]
    for _ in range(_DEEPEST):
        if not (level := [child for node in level for child in node.iter_child_nodes()]):
            return tree
    raise TextError("nested too deeply")


def _plain_pieces(source: str) -> list[tuple[bool, str]] | None:
    """The text as (is a name, piece) pairs, or None when it holds anything beyond literals and plain names."""
    pieces: list[tuple[bool, str]] = []
    for node in parse(source).body:
        if not isinstance(node, nodes.Output):
            return None
        for part in node.nodes:
            match part:
                case nodes.TemplateData():
                    pieces.append((False, part.data))
                case nodes.Name():
                    pieces.append((True, part.name))
                case _:
                    return None
    return pieces if len(pieces) <= _MOST_PIECES else None


def _join(pieces: list[tuple[bool, str]]) -> Callable[[Names], str]:
    def render(names: Names) -> str:
        try:
            return "".join([str(names[piece]) if is_name else piece for is_name, piece in pieces])
        except KeyError as error:
            raise TextError(f"{error} is undefined") from error

    return render


def _lookup(names: Names, name: str) -> Any:
    try:
        return names[name]
    except KeyError as error:
        raise TextError(f"{error} is undefined") from error
