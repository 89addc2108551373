"""Make batches while the model trains on the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


@contextmanager
def prefetch(items: Iterator[T], depth: int) -> Iterator[Iterator[T]]:
    """The same items in the same order, up to `depth` of them made ahead by a thread; its errors are raised here."""
    ready: queue.Queue[T | BaseException | None] = queue.Queue(depth)
    done = threading.Event()

    def put(item: T | BaseException | None) -> None:
        while not done.is_set():
            try:
                return ready.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(item)
                if done.is_set():
                    return
            put(None)
        except BaseException as error:  # handed over, whatever it is
            put(error)

    def take() -> Iterator[T]:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=make, daemon=True, name="batches")
    thread.start()
    try:
        yield take()
    finally:
        done.set()
        thread.join()
