"""`/v1/completions` as OpenAI's servers and vLLM have it: texts or token ids as they are, without the model's format.

With `echo` and `logprobs` it says how likely a given text is, which is what `lm-eval`'s `local-completions` asks for.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Generator, Iterator
from itertools import accumulate
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from openflan.errors import OpenflanError
from openflan.playground.models import PlayModel
from openflan.playground.opening import Opened
from openflan.playground.requests import LONGEST, MOST_TOKENS, BadRequestError, read_request
from openflan.playground.sampling import Sampling
from openflan.playground.streams import streamed
from openflan.playground.writing import End, Limits, Piece, Token

_Text = Annotated[str, Field(max_length=LONGEST)]
_Ids = Annotated[list[int], Field(min_length=1, max_length=LONGEST)]


class Completion(BaseModel):
    """A request; keys that are not known are passed over, as other servers do."""

    model: str = ""
    prompt: _Text | _Ids | Annotated[list[_Text] | list[_Ids], Field(min_length=1, max_length=256)]
    max_tokens: int = Field(default=16, ge=0, le=MOST_TOKENS)
    temperature: float = Field(default=1.0, ge=0, le=5)
    top_p: float = Field(default=1.0, gt=0, le=1)
    n: int = Field(default=1, ge=1, le=8)
    stream: bool = False
    logprobs: int | None = Field(default=None, ge=0, le=20)
    echo: bool = False
    stop: str | list[str] | None = None
    seed: int | None = None
    suffix: str | None = None
    best_of: int | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, one or several, each a text or token ids."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if self.prompt and isinstance(self.prompt[0], int):
            return [list[int](self.prompt)]
        return list(self.prompt)  # type: ignore[arg-type]

    @property
    def limits(self) -> Limits:
        """Where completions end."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Limits(self.max_tokens, tuple(end for end in stop if end))


class Completions:
    """The interface over some models."""

    def __init__(self, models: Opened) -> None:
        self._models = models

    async def list_models(self, request: Request) -> Response:
        """The models' names."""
        listed = [{"id": name, "object": "model", "owned_by": "openflan"} for name in self._models.models]
        return JSONResponse({"object": "list", "data": listed})

    async def complete(self, request: Request) -> Response:
        """Completions of a request, streamed as server-sent events if it asks for that."""
        asked = read_request(Completion, await request.body())
        if asked.suffix or (asked.best_of or asked.n) != asked.n:
            raise BadRequestError("suffix and best_of are not supported")
        answer = _Answer(self._models[asked.model], asked)
        if asked.stream:
            return StreamingResponse(streamed(answer.events()), media_type="text/event-stream")
        return JSONResponse(await run_in_threadpool(answer.whole))


class _Answer:
    """The completions of one request."""

    def __init__(self, model: PlayModel, asked: Completion) -> None:
        self._model, self._asked = model, asked
        self._seed = secrets.randbelow(2**32) if asked.seed is None else abs(asked.seed)
        self._about = {
            "id": f"cmpl-{secrets.token_hex(12)}", "object": "text_completion", "created": int(time.time()),
            "model": model.name,
        }  # fmt: skip

    def whole(self) -> dict[str, Any]:
        """All completions at once."""
        choices, read, written = [], 0, 0
        for index, prefix, pieces in self._work():
            [end] = [one for one in pieces if isinstance(one, End)]
            text = (self._text(prefix) if self._asked.echo else "") + end.text
            choices.append(_choice(index, text, end.reason, self._logprobs(prefix, end)))
            read, written = read + len(prefix), written + len(end.tokens)
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        return {**self._about, "choices": choices, "usage": usage}

    def events(self) -> Generator[str, None, None]:
        """The completions as server-sent events."""
        try:
            for index, prefix, pieces in self._work():
                if self._asked.echo:
                    yield self._event(_choice(index, self._text(prefix)))
                for one in pieces:
                    yield self._event(
                        _choice(index, one.text)
                        if isinstance(one, Piece)
                        else _choice(index, "", one.reason, self._logprobs(prefix, one))
                    )
        except OpenflanError as error:
            yield f"data: {json.dumps({'error': {'message': str(error)}})}\n\n"
        yield "data: [DONE]\n\n"

    def _work(self) -> Iterator[tuple[int, list[int], Iterator[Piece | End]]]:
        asked = self._asked
        for number, prompt in enumerate(asked.prompts):
            prefix = self._ids(prompt)
            for sample in range(asked.n):
                how = Sampling(asked.temperature, asked.top_p, self._seed, number * asked.n + sample)
                echo = asked.echo and asked.logprobs is not None
                pieces = self._model.write_on(prefix, asked.limits, how, likeliest=asked.logprobs or 0, echo=echo)
                yield number * asked.n + sample, prefix, pieces

    def _ids(self, prompt: str | list[int]) -> list[int]:
        """Token ids; a text as the tokenizer itself would read it, what it puts before a text included."""
        if isinstance(prompt, str):
            [encoding] = self._model.scorer.encoder.tokenizer.encode_batch_fast([prompt], add_special_tokens=True)
            prompt = encoding.ids
        return prompt or [self._model.scorer.encoder.eos]

    def _text(self, tokens: list[int]) -> str:
        return self._model.scorer.encoder.tokenizer.decode(tokens, skip_special_tokens=False)

    def _event(self, choice: dict[str, Any]) -> str:
        return f"data: {json.dumps({**self._about, 'choices': [choice]})}\n\n"

    def _logprobs(self, prefix: list[int], end: End) -> dict[str, Any] | None:
        if self._asked.logprobs is None:
            return None
        tokens = [*end.read, *end.tokens]
        own: list[float | None] = [token.logprob for token in tokens]
        tops: list[dict[str, float] | None] = [self._likeliest(token) for token in tokens]
        names = [self._name(token.id) for token in tokens]
        if self._asked.echo:  # Nothing stands before the first token, so nothing is said of it.
            names, own, tops = [self._name(prefix[0]), *names], [None, *own], [None, *tops]
        offsets = list(accumulate(map(len, names[:-1]), initial=0))
        return {"tokens": names, "token_logprobs": own, "top_logprobs": tops, "text_offset": offsets}

    def _likeliest(self, token: Token) -> dict[str, float]:
        """The likeliest tokens by name, and the one that stands there."""
        return {self._name(one): logprob for one, logprob in [(token.id, token.logprob), *token.likeliest]}

    def _name(self, token: int) -> str:
        """A token's text; its number where it is part of a character only."""
        text = self._text([token])
        return f"token_id:{token}" if "\N{REPLACEMENT CHARACTER}" in text else text


def _choice(index: int, text: str, reason: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
