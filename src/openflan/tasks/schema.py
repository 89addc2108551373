"""Column types: how a card writes them and how a value is checked and brought into the card's terms.

| in a card | a row's value |
|---|---|
| `string`, `int`, `float`, `bool` | that type (an `int` may be of any width, or a float without a fraction) |
| `list[string]`, `list[list[string]]` | a list |
| `{text: list[string], start: list[int]}` | a mapping with at least these keys |
| `[entailment, not_entailment]` | a class label: a name or an id (`1`, `1.0`, `"1"`), a *name* in the row |
| any of them with `?` | may be null |
| `any` | whatever stands there, as it is; the column may be absent |
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCALARS: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}
ANY = "any"
_ID = re.compile(r"(-?\d{1,18})(?:\.0+)?")
_LIST = re.compile(r"list\[(.+)\]")


class ColumnTypeError(ValueError):
    """A column type that a card cannot have."""


class WrongValue(ValueError):
    """A value that is not of its column's type."""


class NoGoldLabel(ValueError):
    """A class label that names no class, such as SNLI's -1."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of one column (see the module's table)."""

    kind: str
    nullable: bool = False
    item: ColumnType | None = None
    keys: Mapping[str, ColumnType] | None = None
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark = "?" if self.nullable else ""
        if self.labels:
            return f"label of {list(self.labels)}{mark}"
        if self.keys is not None:
            return "{" + ", ".join(f"{key}: {kind}" for key, kind in self.keys.items()) + "}" + mark
        return (f"list[{self.item}]" if self.item else self.kind) + mark

    @property
    def is_any(self) -> bool:
        """Whether the column may hold anything, or not be there."""
        return self.kind == ANY

    @property
    def spec(self) -> Any:
        """The type as a card writes it."""
        if self.labels:
            return list(self.labels)
        if self.keys is not None:
            return {key: kind.spec for key, kind in self.keys.items()}
        return str(self)

    def read(self, value: Any) -> Any:
        """Return `value` in the card's terms; raises `WrongValue` or `NoGoldLabel`."""
        if self.is_any:
            return value
        if self.labels:
            return self._label(value)
        if value is None or value != value:  # NaN is how programs write a number that is missing
            if self.nullable:
                return None
            raise WrongValue("null")
        if self.item is not None:
            if not isinstance(value, Sequence) or isinstance(value, str):
                raise WrongValue(f"{_shown(value)} is no list")
            return [self.item.read(entry) for entry in value]
        if self.keys is not None:
            if not isinstance(value, Mapping):
                raise WrongValue(f"{_shown(value)} is no mapping")
            if absent := [key for key in self.keys if key not in value]:
                raise WrongValue(f"no key {', '.join(map(repr, absent))}")
            return {key: kind.read(value[key]) for key, kind in self.keys.items()}
        allowed = _SCALARS[self.kind]
        if self.kind == "int" and isinstance(value, float) and value.is_integer():
            return int(value)
        if not isinstance(value, allowed) or (isinstance(value, bool) and self.kind != "bool"):
            raise WrongValue(f"{_shown(value)} is no {self.kind}")
        if isinstance(value, float) and not math.isfinite(value):
            raise WrongValue(f"{value} is no number")
        return value

    def _label(self, value: Any) -> str:
        value = label_id(value, self.labels)
        if isinstance(value, int):
            if 0 <= value < len(self.labels):
                return self.labels[value]
            raise NoGoldLabel(f"label {value}")
        if value is None or value == "" or value != value:  # NaN alone differs from itself
            raise NoGoldLabel("no label")
        if value in self.labels:
            return str(value)
        raise WrongValue(f"{_shown(value)} is not one of {list(self.labels)}")


def label_id(value: Any, labels: tuple[str, ...]) -> Any:
    """A class label as a name or an id: programs write ids as whole floats, as digits or as truth values too."""
    if isinstance(value, str):
        if value in labels or (value := value.strip()) in labels:
            return value
        found = _ID.fullmatch(value)
        return int(found[1]) if found else value
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


def parse_column_type(spec: Any) -> ColumnType:
    """Read a type as a card writes it; raises `ColumnTypeError`."""
    match spec:
        case list():
            if not spec or not all(isinstance(name, str) for name in spec):
                raise ColumnTypeError(f"label names must be strings (quote yes, no and numbers), not {spec!r}")
            return ColumnType("label", labels=tuple(spec))
        case dict():
            return ColumnType("struct", keys={key: parse_column_type(kind) for key, kind in spec.items()})
        case str() if spec.endswith("?"):
            inner = parse_column_type(spec[:-1])
            return ColumnType(inner.kind, True, inner.item, inner.keys)
        case str() if found := _LIST.fullmatch(spec):
            return ColumnType("list", item=parse_column_type(found.group(1)))
        case str() if spec in _SCALARS or spec == ANY:
            return ColumnType(spec)
    raise ColumnTypeError(
        f"{spec!r} is no column type; use {', '.join(_SCALARS)}, {ANY}, list[…], a mapping or label names"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
