"""What may be asked over HTTP, with its bounds; `docs/playground.md` is the reference."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from openflan.data.limits import TARGET_TOKENS
from openflan.errors import OpenflanError
from openflan.playground.models import with_options
from openflan.playground.sampling import Sampling
from openflan.playground.writing import Limits

LONGEST = 200_000
"""Characters of an instruction, at most. Far beyond what models read, and no burden to answer to."""

MOST_TOKENS = 1024
"""Tokens of one answer, at most."""

Option = Annotated[str, Field(min_length=1, max_length=2_000)]
Instruction = Annotated[str, Field(min_length=1, max_length=LONGEST)]

AnyRequest = TypeVar("AnyRequest", bound=BaseModel)


class BadRequestError(OpenflanError):
    """A request that is not what it should be."""


class Asked(BaseModel):
    """An instruction to a model, and the options it may be answered with."""

    model_config = ConfigDict(extra="forbid")

    model: str
    instruction: Instruction
    options: list[Option] = Field(default=[], max_length=64)
    block: bool = True
    """Whether the model is shown the options when it writes."""

    @field_validator("instruction")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the instruction is empty")
        return value

    @property
    def text(self) -> str:
        """What the model is asked."""
        return with_options(self.instruction, self.options if self.block else ())


class Generate(Asked):
    """A request for written answers."""

    max_tokens: int = Field(default=TARGET_TOKENS, ge=1, le=MOST_TOKENS)
    temperature: float = Field(default=0.0, ge=0, le=5)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = Field(default=0, ge=0, le=2**53)
    samples: int = Field(default=1, ge=1, le=8)
    stop: list[Option] = Field(default=[], max_length=8)
    references: list[Option] = Field(default=[], max_length=64)
    """Right answers, to be told which answers are right."""
    stream: bool = False

    @property
    def limits(self) -> Limits:
        """Where answers end."""
        return Limits(self.max_tokens, tuple(self.stop))

    def sampling(self, sample: int) -> Sampling:
        """How the tokens of a sample are chosen."""
        return Sampling(self.temperature, self.top_p, self.seed, sample)


class Rank(Asked):
    """A request to rank options."""

    options: list[Option] = Field(min_length=1, max_length=64)


def read_request(kind: type[AnyRequest], body: bytes) -> AnyRequest:
    """Read a request's JSON; raises `BadRequestError` that names the key."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError("the request is not JSON") from None
    return checked(kind, values)


def checked(kind: type[AnyRequest], values: Any) -> AnyRequest:
    """A request of plain values; raises `BadRequestError` that names the key."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise BadRequestError("; ".join(_fault(one) for one in error.errors()[:3])) from None


def _fault(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "request"
    if error["type"] == "string_too_long":
        return f"{key}: over the limit of {error['ctx']['max_length']:,} characters; ask with a shorter text"
    return f"{key}: {str(error['msg']).removeprefix('Value error, ')}"
