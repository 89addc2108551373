"""The command line is frozen: verbs, arguments, choices, defaults and exit statuses, in `command_line.txt`.

People have scripts that rest on them. `pytest tests/golden/test_command_line.py --update-golden` rewrites the file: a
new line is a new promise, a changed one breaks somebody's script and belongs in the changelog.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from openflan.cli import VERBS, main

GOLDEN = Path(__file__).with_name("command_line.txt")

STATUSES = (
    "--version",
    "--help",
    "show --help",
    "tasks copa",
    "tasks copaa",
    "lint copa",
    "doctor copa",
    "doctor copa --source mirror:.",
    "mix --set data.tasks=[copa]",
    "mix --set data.task=[copa]",
    "recipes no-such-recipe",
    "compare one",
    "show",
    "show copa --split somewhere",
    "no-such-verb",
)
"""Commands whose exit status is kept; they run in an empty folder."""


class _Caught(Exception):
    """The parser of the command line, just before it would parse."""


def test_the_command_line_is_what_it_was(request, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    statuses = [f"{status(words)}  openflan {words}" for words in STATUSES]
    text = "\n".join([*surface(monkeypatch), "exit status", *(f"  {line}" for line in statuses)]) + "\n"
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), "the command line has changed; see --update-golden"


def status(words: str) -> int:
    try:
        return main(words.split())
    except SystemExit as ended:
        return int(ended.code or 0)


def surface(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A block of lines for the program, and one for each of its verbs."""
    yield from block("openflan", whole_parser([], monkeypatch))
    for verb in VERBS:
        verbs = next(
            action
            for action in whole_parser([verb], monkeypatch)._actions
            if isinstance(action, argparse._SubParsersAction)
        )
        yield from block(f"openflan {verb}", verbs.choices[verb])


def whole_parser(words: list[str], monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    def catch(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Caught(parser)

    with monkeypatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", catch)
        with pytest.raises(_Caught) as caught:
            main(words)
    return caught.value.args[0]


def block(title: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield title
    yield from (f"  {line(action)}" for action in parser._actions if not isinstance(action, argparse._HelpAction))
    yield ""


def line(action: argparse.Action) -> str:
    """One argument: its spelling, how many values it takes of what, and what it is when it is not given."""
    kind = getattr(action.type, "__name__", "str")
    values = "" if action.nargs == 0 else f" {action.nargs or ''}{{{kind}}}"
    if isinstance(action, argparse._SubParsersAction):
        values = ""
    elif action.choices is not None:
        values = f" {action.nargs or ''}{{{', '.join(map(str, action.choices))}}}"
    how = type(action).__name__.strip("_").removesuffix("Action").lower()
    named = ", ".join(action.option_strings) or action.dest
    value = str(action.default) if isinstance(action.default, Path) else action.default
    default = "" if value in (None, argparse.SUPPRESS) else f" = {value!r}"
    required = " required" if action.required and action.option_strings else ""
    return f"{named}{values}{default}{required}" + ("" if how in ("store", "storetrue") else f" ({how})")
