"""Servers with the completions interface of OpenAI's (vLLM, SGLang, openflan's playground, …): ids go, sums come.

How a server says how likely a prompt is, if it does, is found out when the work starts. Some answer such a request and
leave the prompt's log-probabilities out; they are refused, since whoever trusts them gets chance accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from openflan.data.encode import Encoded
from openflan.errors import ModelError
from openflan.evaluation.scoring.interface import Failure
from openflan.interop.backends import Writing
from openflan.interop.backends.answers import WAYS, Name, Way, WrongAnswerError, choices
from openflan.interop.backends.connection import Connection, RefusedError, UnansweredError

_LAST_STRAW = 12
"""Requests in a row without an answer after which the server counts as gone."""

_MOST_STOPS = 4
"""Stop strings that OpenAI's interface takes; the rest is cut here."""

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class Server:
    """A model on a server, asked up to `at_once` things at a time; `name` says a token's text.

    Raises `ModelError` where there is no such model, and where the server cannot score, with the reason.
    """

    def __init__(self, connection: Connection, model: str, probe: Sequence[int], name: Name, *, at_once: int) -> None:
        self._connection, self._name, self._at_once = connection, name, at_once
        card = self._card(model)
        self._model = str(card["id"])
        self.context = int(card["max_model_len"]) if card.get("max_model_len") else None
        self.about = {"engine": "server", "model": self._model}
        self._unanswered = 0
        self._way = self._found_way(Encoded(list(probe), 1))

    def logprobs(self, questions: Sequence[Sequence[Encoded]]) -> Iterator[tuple[int, list[float] | Failure]]:
        """See `Engine.logprobs`; a question is one request."""
        return self._each(self._scored, questions)

    def write(self, prefixes: Sequence[Sequence[int]], how: Writing) -> Iterator[tuple[int, str | Failure]]:
        """See `Engine.write`."""
        stop = {"stop": list(how.stop[:_MOST_STOPS])} if how.stop else {}
        more = {"max_tokens": how.max_tokens, **stop, **self._way.writing}

        def written(prefix: Sequence[int]) -> str:
            [choice] = self._complete([list(prefix)], more)
            return str(choice.get("text", ""))

        return self._each(written, prefixes)

    def close(self) -> None:
        """End all connections."""
        self._connection.close()

    def _scored(self, sequences: Sequence[Encoded]) -> list[float]:
        return self._ask(self._way, sequences)

    def _ask(self, way: Way, sequences: Sequence[Encoded]) -> list[float]:
        found = self._complete([one.tokens for one in sequences], {"max_tokens": 1, **way.fields})
        return [way.read(choice, one, self._name) for choice, one in zip(found, sequences, strict=True)]

    def _complete(self, prompts: list[list[int]], more: dict[str, Any]) -> list[Any]:
        body = {"model": self._model, "prompt": prompts, "temperature": 0, **more}
        return list(choices(self._connection.post("/completions", body), len(prompts), sum(map(len, prompts))))

    def _each(
        self, work: Callable[[_Item], _Answer], items: Sequence[_Item]
    ) -> Iterator[tuple[int, _Answer | Failure]]:
        """Do the work for all items, some at a time; a fault costs the item it belongs to."""
        numbers = iter(range(len(items)))
        pool = ThreadPoolExecutor(self._at_once)
        waiting: dict[Future[_Answer], int] = {}

        def fill() -> None:
            while len(waiting) < 2 * self._at_once and (number := next(numbers, None)) is not None:
                waiting[pool.submit(work, items[number])] = number

        try:
            fill()
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    answer = self._outcome(future)
                    yield waiting.pop(future), answer
                fill()
        finally:
            pool.shutdown(cancel_futures=True)

    def _outcome(self, future: Future[_Answer]) -> _Answer | Failure:
        """An answer, or why there is none; raises `ModelError` once the server counts as gone."""
        try:
            answer = future.result()
        except UnansweredError as error:
            self._unanswered += 1
            if self._unanswered >= _LAST_STRAW:
                raise ModelError(
                    f"{self._connection.address} has stopped answering: {error}; what came is kept, and the same "
                    "command goes on from there"
                ) from None
            return Failure(f"the server: {error}")
        except (RefusedError, WrongAnswerError) as error:
            self._unanswered = 0
            return Failure(f"the server: {error}")
        self._unanswered = 0
        return answer

    def _card(self, model: str) -> dict[str, Any]:
        """What the server says of a model; of its only one, where none is named."""
        address = self._connection.address
        try:
            listed = self._connection.get("/models")["data"]
            cards = {str(one["id"]): one for one in listed}
        except UnansweredError as error:
            raise ModelError(f"{address} does not answer: {error}") from None
        except (RefusedError, KeyError, TypeError):
            if model:
                return {"id": model}  # lists none, and may have it all the same
            raise ModelError(f"{address} does not say which models it has; name one: server:{address}#MODEL") from None
        if model and model not in cards:
            raise ModelError(f"{address} has no model {model!r}; it has {', '.join(sorted(cards))}")
        if not model and len(cards) != 1:
            raise ModelError(f"{address} has {len(cards)} models, {', '.join(sorted(cards))}: name one after a #")
        return dict(cards[model] if model else next(iter(cards.values())))

    def _found_way(self, probe: Encoded) -> Way:
        """How the server says how likely a prompt is."""
        reasons = []
        for way in WAYS:
            try:
                self._ask(way, [probe])
            except UnansweredError as error:
                raise ModelError(f"{self._connection.address} does not answer: {error}") from None
            except (RefusedError, WrongAnswerError) as error:
                reasons.append(f"{way.name}: {error}")
            else:
                return way
        raise ModelError(
            f"{self._connection.address} cannot score a prompt, so options cannot be ranked with it "
            f"({'; '.join(reasons)}).{self._advice(reasons)}"
        )

    def _advice(self, reasons: Sequence[str]) -> str:
        if self._is_llamacpp():
            return " It is llama.cpp's server, which never does; score the same file in process with llamacpp:FILE.gguf"
        if all("status 404" in reason or "status 405" in reason for reason in reasons):
            return " There is no /completions under this address; a chat endpoint alone will not do"
        return " Servers that can are vLLM's, SGLang's and openflan playground"

    def _is_llamacpp(self) -> bool:
        root = self._connection.address.removesuffix("/v1")
        return self._connection.says(f"{root}/props", "default_generation_settings")
