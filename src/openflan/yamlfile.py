"""YAML files read into typed models, with errors that name file, line and key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml
from pydantic import BaseModel, ValidationError

from openflan.errors import OpenflanError, nearest

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_TAG = "tag:yaml.org,2002:str"
_DEEPEST = 40
_MOST_VALUES = 100_000
_LONGEST_NUMBER = 100

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def read_yaml(path: Path, error: type[OpenflanError], tags: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
    """The text of a file and the mapping in it; raises `error`, with file and line, for whatever else it may be.

    Mappings under one of the `tags`, such as `!Template`, are read as plain ones.
    """
    try:
        text = _decoded(path.read_bytes())
        values = _loaded(text, _loader(tags))
    except OSError as fault:
        raise error(f"{path}: {fault.strerror or fault}") from None
    except _BadYaml as fault:
        raise error(f"{path}:{fault.line}: {fault}") from None
    if not isinstance(values, dict):
        raise error(f"{path}:1: expected a mapping of keys to values")
    return text, values


def validate(
    model: type[AnyModel], values: Any, error: type[OpenflanError], where: Callable[[Sequence[str | int]], str]
) -> AnyModel:
    """Validate `values`; raises `error` with one line per fault, each opened by `where(location)`."""
    try:
        return model.model_validate(values)
    except ValidationError as faults:
        raise error("\n".join(_fault(model, fault, where) for fault in faults.errors())) from None


def line_of(text: str, location: Sequence[str | int]) -> int:
    """The line (from 1) of the deepest node on the way to `location`."""
    node = yaml.compose(text, Loader=_Loader)
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return int(line)


def parse_value(text: str) -> Any:
    """A single YAML value, as in `--set train.lr=1e-3` (which YAML 1.1 alone would read as a string).

    Raises `ValueError` for bad syntax.
    """
    try:
        value = _loaded(_decoded(text.encode("utf-8", "replace")))
    except _BadYaml as fault:
        raise ValueError(f"{text if len(text) < 80 else text[:77] + '…'!r} is no YAML value: {fault}") from None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def dump_yaml(values: Any) -> str:
    """Values as YAML that people read: keys in their order, texts of several lines as blocks."""
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_TEXT_TAG, text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


class _BadYaml(Exception):
    """What is wrong with a text, and on which line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _BadYaml(f"not UTF-8: {fault.reason}", content.count(b"\n", 0, fault.start) + 1) from None
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _BadYaml(f"the control character U+{ord(found[0]):04X}, which YAML does not allow", line)
    return text


@cache
def _loader(tags: tuple[str, ...]) -> type[yaml.SafeLoader]:
    if not tags:
        return _Loader
    made: type[yaml.SafeLoader] = type("_TaggedLoader", (_Loader,), {})
    for tag in tags:
        made.add_constructor(tag, _plain_mapping)
    return made


def _plain_mapping(loader: yaml.SafeLoader, node: Any) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


def _loaded(text: str, loader: type[yaml.SafeLoader] = _Loader) -> Any:
    """The value of a text; raises `_BadYaml`."""
    try:
        _check_size(text)
        root = yaml.compose(text, Loader=_Loader)
        for node in _nodes(root):
            _check_node(node)
        return yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise _BadYaml(str(fault.problem or fault.context), mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as fault:
        raise _BadYaml(str(fault).splitlines()[0], 1) from None


def _check_size(text: str) -> None:
    """Refuse what would exhaust stack or memory; an alias counts as all that it stands for.

    Events come one by one, without the recursion of everything that builds a value.
    """
    sizes: dict[str, int] = {}
    around: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in sizes:
                total += sizes[event.anchor]
            elif any(anchor == event.anchor for anchor, _ in around):
                raise _BadYaml(f"*{event.anchor} stands within what it stands for", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = around.pop()
            sizes |= {anchor: total - before} if anchor else {}
        elif isinstance(event, yaml.NodeEvent):
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                around.append((event.anchor, total - 1))
            elif event.anchor:
                sizes[event.anchor] = 1
        if len(around) > _DEEPEST:
            raise _BadYaml(f"nested more than {_DEEPEST} levels deep", line)
        if total > _MOST_VALUES:
            raise _BadYaml(f"more than {_MOST_VALUES:,} values, aliases counted as what they stand for", line)


def _nodes(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Every node, once."""
    waiting, seen = [root] if root is not None else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in reversed(node.value) for part in reversed(pair)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)


def _check_node(node: yaml.Node) -> None:
    """Refuse doubled keys, of which YAML would keep the last in silence, and scalars that are not of their type."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise _BadYaml(f"{key.value}: the key stands here a second time", key.start_mark.line + 1)
            seen.add(str(key.value))
    elif isinstance(node, yaml.ScalarNode) and node.tag != _TEXT_TAG:
        if len(node.value) > _LONGEST_NUMBER:
            raise _BadYaml(f"a number of {len(node.value):,} characters; put text in quotes", line)
        try:
            yaml.SafeLoader("").construct_object(node)
        except (ValueError, TypeError, OverflowError, LookupError, AttributeError):
            kind = node.tag.rpartition(":")[2]
            raise _BadYaml(f"{node.value!r} is no {kind}; put text in quotes", line) from None


def _fault(model: type[BaseModel], fault: Any, where: Callable[[Sequence[str | int]], str]) -> str:
    location: tuple[str | int, ...] = tuple(fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        message = f"unknown key{_meant(model, location)}"
    elif fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float):
        message = f"YAML reads this as {fault['input']!r}; put it in quotes"
    key = ".".join(str(part) for part in location if not _is_union_tag(part))
    return f"{where(location)}: {key}: {message}" if key else f"{where(location)}: {message}"


def _meant(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """What to write in place of an unknown key: the same with its section before it, or the nearest one here."""
    key = str(location[-1])
    sections = _fields(model) if len(location) == 1 else {}
    elsewhere = [
        f"{name}.{key}"
        for name, annotation in sections.items()
        if any(key in _fields(part) for part in _models_in(annotation))
    ]
    return f"; did you mean {' or '.join(elsewhere)}?" if elsewhere else nearest(key, _keys(model, location))


def _keys(model: Any, location: Sequence[str | int]) -> set[str]:
    """The keys of the innermost models on the way to `location`: several where a key takes one kind or another."""
    models = [model]
    for part in location[:-1]:
        models = [found for one in models for found in _models_in(_fields(one).get(str(part)))] or models
    return {name for one in models for name in _fields(one)}


def _fields(model: Any) -> dict[str, Any]:
    """A model's or dataclass's fields with their annotations."""
    if hasattr(model, "model_fields"):
        return {name: field.annotation for name, field in model.model_fields.items()}
    return get_type_hints(model) if is_dataclass(model) else {}


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and _fields(annotation):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


def _is_union_tag(part: str | int) -> bool:
    """Pydantic puts the names of a union's branches into a location; a person does not want to see them."""
    return isinstance(part, str) and (part.startswith(("dict[", "function-", "union")) or part in {"str", "[key]"})
