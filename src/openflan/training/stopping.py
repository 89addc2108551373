"""Stopping a run from outside: the step in hand is finished, a checkpoint is saved, and the exit status says why."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals() -> Iterator[Callable[[], tuple[bool, ...]]]:
    """Which of `SIGNALS` have come, while the block runs; only the main thread can know.

    A second Ctrl-C does not wait for the step to end.
    """
    received = dict.fromkeys(SIGNALS, False)

    def told() -> tuple[bool, ...]:
        return tuple(received.values())

    def take(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and received[signal.SIGINT]:
            raise KeyboardInterrupt
        received[signal.Signals(number)] = True

    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {number: signal.signal(number, take) for number in SIGNALS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(told: tuple[bool, ...]) -> int | None:
    """The exit status for the signals that have come, as shells have it; None for none."""
    return next((128 + number for number, came in zip(SIGNALS, told, strict=True) if came), None)
