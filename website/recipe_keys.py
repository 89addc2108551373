"""The reference of recipes, made from the typed configurations that they are read into."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter

from openflan.recipe import Recipe

HEAD = """\
# Every key of a recipe

A recipe is one YAML file with the sections below. All of them, and all of their keys, may be left out. A key may also
be given on the command line, as in `--set train.steps=100`, or in Python, as in
`recipe.replace(train={"steps": 100})`. An unknown key, a value of another type or one out of its range is an error that
names file, line and key.

`openflan recipes` lists the recipes that come with the package, `openflan recipes NAME` prints one, and
`openflan recipes --copy NAME` makes it yours.
"""


def page() -> str:
    """The page, in Markdown."""
    schema = Recipe.model_json_schema()
    keys: dict[str, dict[str, Any]] = schema["properties"]
    sections = {name: value["$ref"].rpartition("/")[2] for name, value in keys.items() if _refers(value)}
    plain = {name: value for name, value in keys.items() if name not in sections}
    parts = [HEAD, "## The recipe itself", _table(plain, Recipe)]
    inner: dict[str, None] = {}
    for name, kind in sections.items():
        parts += [f"## {name}", *_described(kind, schema["$defs"][kind])]
        inner |= dict.fromkeys(_referred(schema["$defs"][kind], schema["$defs"]))
    for kind in inner:
        parts += [f"## {kind}", *_described(kind, schema["$defs"][kind])]
    return "\n\n".join(parts) + "\n"


def configurations() -> dict[str, type]:
    """The dataclasses that a recipe consists of, by name."""
    found: dict[str, type] = {}
    waiting: list[Any] = [Recipe]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        if inspect.isclass(hint) and hint.__name__ not in found and (is_dataclass(hint) or issubclass(hint, BaseModel)):
            found[hint.__name__] = hint
            waiting += get_type_hints(hint, include_extras=True).values()
    return found


@cache
def documented(kind: type) -> dict[str, str]:
    """The text under each field of a class."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = " ".join(inspect.cleandoc(words).split())
    return found


def _described(name: str, schema: dict[str, Any]) -> Iterator[str]:
    kind = configurations()[name]
    yield inspect.cleandoc(kind.__doc__ or "")
    yield _table(TypeAdapter(kind).json_schema()["properties"] | schema["properties"], kind)


def _table(properties: dict[str, Any], kind: type) -> str:
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, value in properties.items():
        default = _default(name, value, kind)
        meaning = documented(kind).get(name, "").replace("|", "&#124;")
        lines.append(f"| `{name}` | {in_words(value)} | {default and f'`{default}`'} | {meaning} |")
    return "\n".join(lines)


def _default(name: str, schema: dict[str, Any], kind: type) -> str:
    """A default as YAML has it; nothing where it is that of another table."""
    if _refers(schema):
        return ""
    if "default" not in schema:  # made anew for each recipe: a mapping, which is shown by its keys
        made = {field.name: field.default_factory for field in fields(kind)}[name] if is_dataclass(kind) else MISSING
        return "" if made is MISSING else ", ".join(made()) or "{}"
    default = schema["default"]
    if isinstance(default, str) and default:
        return default
    return json.dumps(default, ensure_ascii=False)


def in_words(schema: dict[str, Any]) -> str:
    """What values a piece of JSON schema takes, for a cell of a table."""
    if _refers(schema):
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(in_words(choice) for choice in choices)
    if values := schema.get("enum") or [schema[key] for key in ("const",) if key in schema]:
        return ", ".join(f"`{value}`" for value in values)
    match schema.get("type"):
        case "array":
            return f"list of {in_words(schema.get('items', {}))}"
        case "object":
            values = schema.get("additionalProperties")
            return f"names, each with {in_words(values)}" if isinstance(values, dict) else "mapping"
        case "null":
            return "nothing"
        case "integer" | "number" as kind:
            return " ".join([{"integer": "whole number", "number": "number"}[kind], *_range(schema)])
        case kind:
            return {"string": "text", "boolean": "`true`, `false`"}.get(str(kind), "anything")


def _range(schema: dict[str, Any]) -> Iterator[str]:
    """The limits that mean something to a person: not those of the machine's integers."""
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return (f"{word} {schema[key]}" for key, word in words.items() if key in schema and abs(schema[key]) < 2**53)


def _refers(schema: dict[str, Any]) -> bool:
    return "$ref" in schema


def _referred(schema: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """The names of the definitions that a piece of schema refers to, with those that they refer to."""
    match schema:
        case {"$ref": str(place)}:
            name = place.rpartition("/")[2]
            yield name
            yield from _referred(definitions[name], definitions)
        case dict():
            for value in schema.values():
                yield from _referred(value, definitions)
        case list():
            for value in schema:
                yield from _referred(value, definitions)
