"""Damage for the fuzz campaign: bytes flipped, cut and doubled, and values put where others stood.

Everything follows from the random numbers that are handed in.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from typing import Any

import yaml

TOKENS = (
    b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xa8", b"\x1b[31m", b"\n", b"\r", b"\t", b'"',
    b"'", b"\\", b"\\ud800",
    b"{", b"}", b"[", b"]", b"[[[[[[[[", b"- ", b": ", b"&a ", b"*a ", b"!!int ",
    b"!!python/name:os.system ", b"? ", b"| ", b"#",
    b"null", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 25, b"9" * 5000, b"true", b"../../x", b"/etc/passwd",
    b"{{ gone }}", b"{{ 'a' * 9999999999 }}", b"{% for x in range(99999) %}",
    b"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    b"{{ premise | center(999999999) }}", b"{% endfor %}", b"{{", b"}}", b"%}", b" | nosuch", b"__class__",
)  # fmt: skip
"""What has broken readers before."""

VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 2**31, 2**63, 10**30, -(2**63), 0.5, -0.0, 1e308, math.inf, -math.inf, math.nan,
    "", " ", "x" * 1000, "\ud800", "é", "\u2028", "../../x", "/", "-1",
    "nan", "1e999", "{{ gone }}", "{{", "a" * 100_000,
    "{% for a in range(999) %}{% for b in range(999) %}{{ b }}{% endfor %}{% endfor %}", "{{ 'a' | center(10000000) }}",
    "{{ premise.replace('', premise) }}", [], {}, [[]],
    [None], ["x", 1], {"a": 1}, {"": {}}, [[[[[[[[]]]]]]]], list(range(300)),
)  # fmt: skip
"""What stands in the place of another value."""

Damage = Callable[[random.Random, bytes], bytes]


def damaged(chance: random.Random, content: bytes, structure: str) -> bytes:
    """`content` with one to four things wrong; `structure` is `json`, `lines` of JSON, `yaml` or nothing."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        if structure and chance.random() < 0.5:
            content = _other_value(chance, content, structure)
        else:
            content = chance.choice(_DAMAGES)(chance, content)
    return content


def _flipped(chance: random.Random, content: bytes) -> bytes:
    if not content:
        return b"\x80"
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]


def _inserted(chance: random.Random, content: bytes) -> bytes:
    place = chance.randint(0, len(content))
    return content[:place] + chance.choice(TOKENS) + content[place:]


def _cut(chance: random.Random, content: bytes) -> bytes:
    start, stop = _span(chance, content)
    return content[:start] + content[stop:]


def _doubled(chance: random.Random, content: bytes) -> bytes:
    start, stop = _span(chance, content)
    return content[:stop] + content[start:stop] * chance.choice((1, 1, 50)) + content[stop:]


def _shortened(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randint(0, len(content))]


def _other_word(chance: random.Random, content: bytes) -> bytes:
    words = list(re.finditer(rb"[\w.+-]+", content))
    if not words:
        return content
    word = chance.choice(words)
    return content[: word.start()] + chance.choice(TOKENS) + content[word.end() :]


def _other_line(chance: random.Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first] = lines[second]
    return b"\n".join(lines)


def _span(chance: random.Random, content: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(content))
    return start, min(len(content), start + chance.choice((1, 2, 8, 64, 500)))


_DAMAGES: tuple[Damage, ...] = (
    _flipped,
    _inserted,
    _inserted,
    _cut,
    _doubled,
    _shortened,
    _other_word,
    _other_word,
    _other_line,
)


def _other_value(chance: random.Random, content: bytes, structure: str) -> bytes:
    """The same with another value, key or no key somewhere in it; unchanged where it cannot be read any more."""
    try:
        text = content.decode("utf-8")
        if structure == "yaml":
            value = _changed(chance, yaml.safe_load(text))
            return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass")
        if structure == "json":
            return json.dumps(_changed(chance, json.loads(text))).encode()
        lines = text.split("\n")
        place = chance.randrange(len(lines))
        lines[place] = json.dumps(_changed(chance, json.loads(lines[place])))
        return "\n".join(lines).encode("utf-8", "surrogatepass")
    except Exception:  # whatever the libraries say to a value that was damaged already
        return content


def _changed(chance: random.Random, value: Any) -> Any:
    """A value with one part of it, at any depth, replaced, dropped or wrapped."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        match chance.randrange(8):
            case 0:
                return {name: inner for name, inner in value.items() if name != key}
            case 1:
                return {**value, chance.choice(("", "x", "../x", key * 2 if isinstance(key, str) else key)): value[key]}
            case _:
                return {**value, key: _changed(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], _changed(chance, value[place]), *value[place + 1 :]]
    return [value] if chance.random() < 0.1 else chance.choice(VALUES)
