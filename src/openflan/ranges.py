"""The range of every number that a person can set, in its type: recipes and plain Python are held to the same ones."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

Count = Annotated[int, Field(ge=1)]
"""At least one of something."""

Natural = Annotated[int, Field(ge=0)]
"""A number that may be none."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A finite number above zero."""

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A finite number that may be zero."""

Dtype = Literal["auto", "float32", "bfloat16", "fast"]
"""A precision by its name; `auto` and `fast` depend on the hardware or on how the weights were saved."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What random numbers follow from."""


def check_ranges(settings: Any, error: type[Exception]) -> None:
    """Raise `error` for the first field of a dataclass whose value is not of its annotated type and range."""
    kind: Any = type(settings)
    for name, adapter in _adapters(kind).items():
        value = getattr(settings, name)
        try:
            adapter.validate_python(value)
        except ValidationError as wrong:
            what = wrong.errors()[0]["msg"].removeprefix("Input ")
            raise error(f"{name} {what}, not {value!r}") from None


@cache
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(kind)}
