"""Asking a server, however it misbehaves: tries with growing pauses, its own limits kept, and a word for each fault.

Whoever is told to wait (`Retry-After`) has all wait: a limit is the server's, not a request's.
"""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from openflan.errors import ModelError, OpenflanError

KEY = "OPENFLAN_API_KEY"
"""The environment variable whose value is sent as the bearer's key."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may well be answered."""

_LONGEST_PAUSE = 60.0
"""Seconds that a pause of our own takes at most; what a server asks for may be ten times that."""


class RefusedError(Exception):
    """The server says that it will not answer this request."""


class UnansweredError(Exception):
    """No try brought an answer."""


class Connection:
    """Requests to one server, from any number of threads. `pause` is the first pause between two tries, in seconds."""

    def __init__(
        self, address: str, *, at_once: int, timeout: float = 300.0, tries: int = 6, pause: float = 1.0
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise OpenflanError("asking a server needs httpx: pip install 'openflan[server]'") from None
        self.address, self._tries, self._pause = address, tries, pause
        key = os.environ.get(KEY, "")
        self._broken: type[Exception] = httpx.TransportError
        self._client: Any = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
        )
        self._not_before = 0.0
        self._lock = threading.Lock()

    def get(self, path: str) -> Any:
        """What the server answers; raises as `post` does."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """What the server answers to a JSON body.

        Raises `RefusedError` and `UnansweredError`, and `ModelError` where no request would be answered: without
        access, or at an address that is none.
        """
        return self._ask("POST", path, body)

    def says(self, address: str, word: str) -> bool:
        """Whether something answers at another address, with this word in it; asked once."""
        try:
            response = self._client.get(address)
        except self._broken:
            return False
        return response.status_code == 200 and word in response.text

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    def _ask(self, method: str, path: str, body: Any) -> Any:
        fault = ""
        for attempt in range(self._tries):
            self._wait_for_turn()
            told_to_wait = None
            try:
                response = self._client.request(method, self.address + path, json=body)
            except self._broken as error:
                fault = f"{type(error).__name__}: {error}".rstrip(": ")
            else:
                if response.status_code == 200:
                    try:
                        return response.json()
                    except ValueError:
                        fault = "its answer is cut short, or no JSON"
                else:
                    fault = self._fault(response)
                    told_to_wait = _seconds(response.headers.get("Retry-After"))
            if attempt + 1 < self._tries:
                self._put_off(attempt, told_to_wait)
        raise UnansweredError(f"no answer after {self._tries} tries ({fault})")

    def _fault(self, response: Any) -> str:
        """What went wrong; raises where trying again would not help."""
        fault = f"status {response.status_code}: {_message(response)}"
        if response.status_code in (401, 403):
            raise ModelError(f"{self.address} gives no access ({fault}); put the key into {KEY}")
        if response.status_code not in _AGAIN:
            raise RefusedError(fault)
        return fault

    def _put_off(self, attempt: int, told_to_wait: float | None) -> None:
        """Wait before the next try: as long as the server says, with everybody else, or ever longer."""
        if told_to_wait is not None:
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + min(told_to_wait, 10 * _LONGEST_PAUSE))
            return
        time.sleep(min(_LONGEST_PAUSE, self._pause * 2**attempt) * random.uniform(0.5, 1.0))

    def _wait_for_turn(self) -> None:
        while (left := self._not_before - time.monotonic()) > 0:
            time.sleep(left)


def _seconds(retry_after: str | None) -> float | None:
    """What a `Retry-After` header asks for, which is seconds or a date; None for what is neither."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _message(response: Any) -> str:
    """What a refusal says, in a line."""
    try:
        said = response.json()
        said = said.get("error", said) if isinstance(said, dict) else said
        said = said.get("message", said) if isinstance(said, dict) else said
    except ValueError:
        said = response.text
    return " ".join(str(said).split())[:300] or "without a word"
