"""Work that is done in threads, a piece at a time, and ends with whoever it is done for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

from starlette.concurrency import iterate_in_threadpool


async def streamed(work: Generator[str, None, None]) -> AsyncIterator[str]:
    """The pieces as they come; the work is closed at the end, or as soon as nobody listens any more."""
    try:
        async for piece in iterate_in_threadpool(work):
            yield piece
    finally:
        work.close()
