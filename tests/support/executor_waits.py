"""Waiting for what an executor does, with an end."""

import time


def ended(executor, handle, seconds):
    """The exit status of a command, as soon as it has one."""
    until = time.monotonic() + seconds
    while (status := executor.poll(handle)) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return status
