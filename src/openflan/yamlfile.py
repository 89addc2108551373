"""YAML files read into typed models, with errors that name file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml
from pydantic import BaseModel, ValidationError

from openflan.errors import OpenflanError, nearest

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
AnyModel = TypeVar("AnyModel", bound=BaseModel)


def read_yaml(path: Path, error: type[OpenflanError]) -> tuple[str, dict[str, Any]]:
    """The text of a file and the mapping in it; raises `error` for bad syntax, a doubled key or no mapping."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=_Loader)
        if root is not None:
            _refuse_doubled_keys(root, path, error)
        values = yaml.load(text, Loader=_Loader)
    except OSError as fault:
        raise error(f"{path}: {fault.strerror or fault}") from None
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise error(f"{path}:{line}: {fault.problem}") from None
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
        value = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as fault:
        raise ValueError(f"{text!r} is no YAML value: {fault.problem}") from None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _refuse_doubled_keys(node: yaml.Node, path: Path, error: type[OpenflanError]) -> None:
    """YAML lets a later key silently replace an earlier one; nothing must be lost that way."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise error(f"{path}:{key.start_mark.line + 1}: {key.value}: the key stands here a second time")
            seen.add(key.value)
            _refuse_doubled_keys(value, path, error)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_doubled_keys(value, path, error)


def _fault(model: type[BaseModel], fault: Any, where: Callable[[Sequence[str | int]], str]) -> str:
    location: tuple[str | int, ...] = tuple(fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        message = f"unknown key{nearest(str(location[-1]), _keys(model, location))}"
    elif fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float):
        message = f"YAML reads this as {fault['input']!r}; put it in quotes"
    key = ".".join(str(part) for part in location if not _is_union_tag(part))
    return f"{where(location)}: {key}: {message}" if key else f"{where(location)}: {message}"


def _keys(model: Any, location: Sequence[str | int]) -> set[str]:
    """The keys of the innermost model on the way to `location`."""
    for part in location[:-1]:
        for candidate in _models_in(_fields(model).get(str(part))):
            model = candidate
    return set(_fields(model))


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
