"""Trying templates that are being written, in a process of their own: what runs too long is ended.

The sandbox keeps a template from everything but its names (`openflan.tasks.text`); loops within loops can still take
for ever, and a text of a card can be a stranger's. Nothing here imports torch, so the process starts quickly.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from openflan.data.lint import lint_rows
from openflan.data.prompt import TemplateWriter
from openflan.data.rows import load_rows
from openflan.data.sources import parse_source
from openflan.errors import CardError, OpenflanError
from openflan.files import write_text
from openflan.tasks.lint import CODES, CardFile, lint_card
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task
from openflan.yamlfile import dump_yaml

SECONDS = 20.0
"""How long one attempt may take, in seconds of a processor; how busy the machine is does not count."""

_PATIENCE = 30
"""How many times as long by the clock, at most."""

_MEMORY = 2 << 30
"""Bytes that the process may take for itself."""

_NO_MEMORY = 9
"""The exit status that says it was not enough."""


@dataclass(frozen=True)
class Attempt:
    """A card's values, and what to see of it: `count` rows from number `start` on in the words of template `chosen`."""

    values: Mapping[str, Any]
    source: str
    variant: str = ""
    chosen: int = 0
    start: int = 0
    count: int = 3


class Tryout:
    """The process, started when it is needed and again after it was ended."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._lock = seconds, threading.Lock()
        self._process: Any = None
        self._connection: Any = None

    def __call__(self, attempt: Attempt) -> dict[str, Any]:
        """What an attempt comes to (see `attempted`); raises `OpenflanError` where it takes too long."""
        with self._lock:
            if self._process is None or not self._process.is_alive():
                self._start()
            try:
                self._connection.send((attempt, self._seconds))
                if self._connection.poll(self._seconds * _PATIENCE):
                    answer: dict[str, Any] = self._connection.recv()
                    return answer
            except (EOFError, OSError):
                self._process.join()
            much = (
                "memory than they may" if self._process.exitcode == _NO_MEMORY else f"than {self._seconds:.0f} seconds"
            )
            self._end()
        raise OpenflanError(f"the templates took more {much}; make loops shorter")

    def close(self) -> None:
        """End the process, and with it what it is doing."""
        if self._process is not None:
            self._process.kill()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None


def attempted(attempt: Attempt) -> dict[str, Any]:
    """Prompts on rows, and findings; an `error` where the card cannot be read or has no rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{attempt.values['name']}.yaml"
        write_text(path, dump_yaml(dict(attempt.values)))
        try:
            file = CardFile.read(path)
            findings = [*lint_card(file), *lint_rows(file, parse_source(attempt.source), required=False)]
            prompts = _prompts(file, attempt)
        except OpenflanError as error:
            return {"prompts": [], "findings": [], "error": str(error).replace(f"{path}:", "line ")}
    listed = [
        {"code": one.code, "meaning": CODES[one.code], "template": one.template, "message": one.message}
        for one in findings
    ]
    return {**prompts, "findings": listed, "error": None}


def _prompts(file: CardFile, attempt: Attempt) -> dict[str, Any]:
    task = Task(file.card, attempt.variant)
    roles = {role for layout in task.layouts for role in layout.splits}
    rows = load_rows(task, "test" if "test" in roles else "train", parse_source(attempt.source))
    if not 0 <= attempt.chosen < len(file.card.templates):
        raise CardError(f"there is no template {attempt.chosen}")
    shown, bare = (TemplateWriter(task, attempt.chosen, options=options) for options in (True, False))
    places = [(attempt.start + number) % len(rows) for number in range(min(attempt.count, len(rows)))]
    written = []
    for place, example in zip(places, rows.examples(places), strict=True):
        line: dict[str, Any] = {"place": place, "fields": {name: str(value) for name, value in example.fields.items()}}
        try:
            prompt = shown.write(example)
            line |= {"input": prompt.input, "bare": bare.write(example).input, "target": prompt.target}
            line |= {"options": list(prompt.options), "references": list(prompt.references)}
        except SkipRow as reason:
            line["skipped"] = str(reason)
        written.append(line)
    return {"prompts": written, "rows": len(rows)}


def _serve(connection: Connection) -> None:
    with suppress(OSError, ValueError):  # Not every system has the limit.
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            attempt, seconds = connection.recv()
            # The signal at the end of the time ends the process, whatever it is doing.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            try:
                answer = attempted(attempt)
            except MemoryError:
                sys.exit(_NO_MEMORY)
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send(answer)
