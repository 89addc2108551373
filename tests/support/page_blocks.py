"""The code blocks of a Markdown page, and running them in order as a reader would.

| block | what is done with it |
|---|---|
| with a title | written to the file of that name; a recipe or a card among them must be a sound one |
| `console` | each `$ command` is run; what stands below it is what it prints, with `…` for anything |
| `python` | run, all of a page in one namespace |
| `yaml` without a title | part of a recipe or of a card, which must be sound |
| `text` | only read |

Runs are cut to `MOST` tokens and rows: longer ones would only do the same again.

A comment right above a block, `<!-- not run: why -->`, keeps it from being run; its commands are parsed all the same.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^(?: *<!-- not run: (?P<why>[^\n]+?) -->\n+)?"
    r"(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n"
    r"(?P<body>.*?)^(?P=indent)```",
    re.DOTALL | re.MULTILINE,
)
MOST = {"tokens": 4096, "rows": 4}
_LONG = re.compile(rf"\b({'|'.join(MOST)})=(\d[\d_]*)")
_INCLUDED = re.compile(r'^--8<-- "([^"]+)"\n', re.MULTILINE)
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is, the line it begins on, and why it is not run."""

    language: str
    title: str
    line: int
    body: str
    not_run: str


@dataclass(frozen=True)
class Command:
    """What is typed after a prompt, and what is shown to be printed."""

    words: tuple[str, ...]
    shown: str


def blocks_of(page: Path) -> list[Block]:
    """A page's code blocks in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            found["title"] or "",
            text.count("\n", 0, found.start()) + 1,
            _INCLUDED.sub(lambda place: (CHECKOUT / place[1]).read_text(encoding="utf-8"), _outdented(found)),
            found["why"] or "",
        )
        for found in _BLOCK.finditer(text)
    ]


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block; a line that ends in a backslash goes on below."""
    commands = []
    for part in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
        typed, _, shown = part.replace("\\\n", " ").partition("\n")
        commands.append(Command(tuple(shlex.split(typed, comments=True)), shown.rstrip()))
    return commands


def shortened(text: str) -> str:
    """Code or a word of a command whose `tokens=…` and `rows=…` are `MOST` at most."""
    return _LONG.sub(lambda found: f"{found[1]}={min(int(found[2]), MOST[found[1]])}", text)


def matches(shown: str, printed: str) -> bool:
    """Whether what was printed is what a page shows, but for blanks at the ends of lines."""
    pattern = re.escape(_plain(shown)).replace("…", ".*")
    return re.fullmatch(pattern, _plain(printed), re.DOTALL) is not None


def _outdented(found: re.Match[str]) -> str:
    return re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
