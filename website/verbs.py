"""The reference of the command line, made from its parsers."""

from __future__ import annotations

import argparse
import importlib
import inspect
from collections.abc import Iterator
from html import escape

from openflan.cli import VERBS

HEAD = """\
# Every verb

`openflan VERB --help` prints the same. `openflan --debug VERB …` shows the traceback of an error.

Exit status: 0 when all went well; 1 for a finding, or an error that its message explains; 2 for bad usage; 130 and 143
when stopped by Ctrl-C or SIGTERM, after saving what there is. The same command then goes on from there.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD, "\n".join(f"- [`{verb}`](#{verb}): {summary}" for verb, summary in VERBS.items())]
    for verb in VERBS:
        parts += _described(parser_of(verb), "##")
    return "\n\n".join(parts) + "\n"


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb."""
    made = argparse.ArgumentParser(prog=f"openflan {verb}", formatter_class=_Wide)
    importlib.import_module(f"openflan.cli.{verb}").add_arguments(made)
    return made


class _Wide(argparse.HelpFormatter):
    """The width of a page, whatever terminal the site is built in."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


def _described(parser: argparse.ArgumentParser, level: str) -> Iterator[str]:
    verb = parser.prog.removeprefix("openflan ")
    yield f"{level} {verb}"
    if summary := VERBS.get(verb) or parser.description:
        yield summary[0].upper() + summary[1:].rstrip(".") + "."
    yield f"```text\n{parser.format_usage().removeprefix('usage: ').rstrip()}\n```"
    further = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    told = [action for action in parser._actions if action not in further and action.help != argparse.SUPPRESS]
    if rows := [_row(parser, action) for action in told if action.dest != "help"]:
        yield "\n".join(["| argument | meaning |", "|---|---|", *rows])
    if parser.epilog:
        yield _epilog(parser.epilog)
    for action in further:
        for sub in action.choices.values():
            yield from _described(sub, level + "#")


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    written, text = formatter._format_action_invocation(action), formatter._expand_help(action)
    choices = "" if action.choices is None else " One of " + ", ".join(f"`{choice}`" for choice in action.choices) + "."
    return f"| `{written}` | {escape(text, quote=False).replace('|', '&#124;')}{choices} |"


def _epilog(text: str) -> str:
    """Text below the options: prose as it is, lines that are set in as what is typed."""
    text = inspect.cleandoc(text)
    return f"```text\n{text}\n```" if "\n" in text else text
