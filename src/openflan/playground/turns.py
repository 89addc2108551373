"""Who goes next on a model that many ask at once.

Work on a model is cut into steps (a token, a ranking), and each takes its turn. Whoever has had nothing yet goes before
those who have, so that a first token comes soon however many answers are being written; the others go in the order they
asked. How many may take turns is limited, and who comes on top of that is told so at once.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from openflan.errors import OpenflanError


class BusyError(OpenflanError):
    """More ask than are let in."""


class Turns:
    """The turns on one model; `limit` is how many are let in at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._changed = threading.Condition()
        self._numbers = count()
        self._waiting: list[tuple[bool, int]] = []
        self._taken = False
        self._inside = 0

    @property
    def inside(self) -> int:
        """How many are let in at the moment."""
        return self._inside

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Let somebody in while the block runs; raises `BusyError` where too many are in already."""
        with self._changed:
            if self._inside >= self.limit:
                raise BusyError(f"{self._inside} answers are being made already; try again in a moment")
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1

    @contextmanager
    def turn(self, *, first: bool) -> Iterator[None]:
        """Wait for one's turn, and have the model to oneself while the block runs; `first` turns go before others."""
        with self._changed:
            ticket = (not first, next(self._numbers))
            heapq.heappush(self._waiting, ticket)
            self._changed.wait_for(lambda: not self._taken and self._waiting[0] == ticket)
            heapq.heappop(self._waiting)
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()
