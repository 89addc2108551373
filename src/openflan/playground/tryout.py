"""Trying templates that are being written, in a process of their own: what runs too long is ended.

The sandbox keeps a template from everything but its names (`openflan.tasks.text`); loops within loops can still take
for ever, and a text of a card can be a stranger's. Nothing here imports torch, so the process starts quickly.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
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
    """The process, started when it is needed and again after it was ended; a line of JSON each way."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._lock = seconds, threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, attempt: Attempt) -> dict[str, Any]:
        """What an attempt comes to (see `attempted`); raises `OpenflanError` where it takes too long."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = _start()
            line = self._exchange(self._process, json.dumps({"seconds": self._seconds, "attempt": asdict(attempt)}))
            if line:
                answer: dict[str, Any] = json.loads(line)
                return answer
            no_memory = self._process.wait() == _NO_MEMORY
        much = "memory than they may" if no_memory else f"than {self._seconds:.0f} seconds"
        raise OpenflanError(f"the templates took more {much}; make loops shorter")

    def close(self) -> None:
        """End the process, and with it what it is doing."""
        if self._process is not None:
            self._process.kill()

    def _exchange(self, process: subprocess.Popen[str], line: str) -> str:
        """Hand over a line and wait for the answer; nothing where the process ends first."""
        assert process.stdin is not None
        assert process.stdout is not None
        patience = threading.Timer(self._seconds * _PATIENCE, process.kill)
        patience.start()
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return process.stdout.readline()
        except OSError:
            return ""
        finally:
            patience.cancel()


def _start() -> subprocess.Popen[str]:
    # A session of its own, so that Ctrl-C in the terminal is the server's alone; it ends when its input does.
    command = [sys.executable, "-m", "openflan.playground.tryout"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8", start_new_session=True)


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


def main() -> None:
    """Answer line by line what is asked on standard input."""
    with suppress(OSError, ValueError):  # Not every system has the limit.
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    for line in sys.stdin:
        asked = json.loads(line)
        # The signal at the end of the time ends the process, whatever it is doing.
        signal.setitimer(signal.ITIMER_PROF, asked["seconds"])
        try:
            answer = json.dumps(attempted(Attempt(**asked["attempt"])))
        except MemoryError:
            sys.exit(_NO_MEMORY)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
