"""Reading a card's YAML file, with errors that name file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from openflan.errors import CardError, nearest
from openflan.tasks.card import Card

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_card(path: Path) -> Card:
    """Read one card; raises `CardError`, one line per fault, each `file:line: key: what is wrong`."""
    source = path.read_text(encoding="utf-8")
    values = _load(source, path)
    try:
        card = Card.model_validate(values)
    except ValidationError as error:
        raise CardError("\n".join(_fault(path, source, fault) for fault in error.errors())) from None
    if card.name != path.stem:
        raise CardError(f"{path}:{_line(source, ('name',))}: name: {card.name!r} must match the file name")
    return card


def _load(source: str, path: Path) -> Any:
    try:
        root = yaml.compose(source, Loader=_Loader)
        if root is not None:
            _refuse_duplicates(root, path)
        values = yaml.load(source, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CardError(f"{path}:{line}: {error.problem}") from None
    if not isinstance(values, dict):
        raise CardError(f"{path}:1: a card is a mapping of keys to values")
    return values


def _refuse_duplicates(node: yaml.Node, path: Path) -> None:
    """YAML lets a later key silently replace an earlier one; a card must not lose a template that way."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise CardError(f"{path}:{key.start_mark.line + 1}: {key.value}: the key stands here a second time")
            seen.add(key.value)
            _refuse_duplicates(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(value, path)


def _fault(path: Path, source: str, fault: Any) -> str:
    location: tuple[str | int, ...] = tuple(fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = f"unknown key{nearest(str(location[-1]), _valid_keys(location))}"
    elif fault["type"] == "string_type" and isinstance(fault["input"], (bool, int, float)):
        message = f"YAML reads this as {fault['input']!r}; put it in quotes"
    key = ".".join(str(part) for part in location if not _is_union_tag(part)) or "card"
    return f"{path}:{_line(source, location)}: {key}: {message}"


def _valid_keys(location: Sequence[str | int]) -> set[str]:
    """The keys of the innermost model on the way to `location`."""
    model: type[BaseModel] = Card
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        for candidate in _models_in(field.annotation if field else None):
            model = candidate
    return set(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


def _is_union_tag(part: str | int) -> bool:
    """Pydantic puts the names of a union's branches into a location; a person does not want to see them."""
    return isinstance(part, str) and (part.startswith(("dict[", "function-", "union")) or part in {"str", "[key]"})


def _line(source: str, location: Sequence[str | int]) -> int:
    """The line (from 1) of the deepest node on the way to `location`."""
    node = yaml.compose(source, Loader=_Loader)
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
