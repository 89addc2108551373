"""Processes that share the work of this one: forked, so that they have its rows and cards without copying them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


@contextmanager
def forked(workers: int) -> Iterator[ProcessPoolExecutor]:
    """So many worker processes; what has not begun when the block ends is not done. They end with this process."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    alive, parent = os.pipe()
    with (
        _closed(alive, parent),
        ProcessPoolExecutor(workers, get_context("fork"), _end_with_parent, (alive, parent)) as pool,
    ):
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _closed(*handles: int) -> Iterator[None]:
    """Close file handles after the block."""
    try:
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _end_with_parent(alive: int, parent: int) -> None:
    """End this worker when the process that holds the other end of the pipe is no more, however it went."""
    os.close(parent)
    # What stops the parent is for the parent to answer, which then lets its workers finish or go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        os.read(alive, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
