"""YAML read into typed models: every fault with its file, line and key."""

import time
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from openflan.errors import OpenflanError
from openflan.yamlfile import line_of, parse_value, read_yaml, validate


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    title: str = ""
    parts: list[Inner] = []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", r":\d+: "),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", r":4: c: the key stands here a second time"),
        ("- a\n- b\n", r":1: expected a mapping"),
        ("", r":1: expected a mapping"),
        ("a: !!python/object/apply:os.system ['true']\n", r":1: "),
    ],
)
def test_bad_file_says_where(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    with pytest.raises(OpenflanError, match=message) as error:
        read_yaml(path, OpenflanError)
    assert str(error.value).startswith(str(path))


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpenflanError, match="No such file"):
        read_yaml(tmp_path / "gone.yaml", OpenflanError)


def test_line_of_the_deepest_node() -> None:
    text = "a: 1\nlist:\n  - x: 1\n  - x: 2\n    y: 3\n"
    assert line_of(text, ("list", 1, "y")) == 5
    assert line_of(text, ("list", 1)) == 4
    assert line_of(text, ("list", 1, "missing")) == 4
    assert line_of(text, ("missing",)) == 1


def test_unknown_key_names_the_nearest_of_its_own_model() -> None:
    with pytest.raises(OpenflanError, match=r"here: parts\.0\.dept: unknown key; did you mean 'depth'"):
        validate(Outer, {"parts": [{"dept": 1}]}, OpenflanError, lambda location: "here")


def test_number_for_a_text_is_told_with_the_remedy() -> None:
    with pytest.raises(OpenflanError, match="YAML reads this as 3; put it in quotes"):
        validate(Outer, {"title": 3}, OpenflanError, lambda location: "here")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("3", 3), ("true", True), ("[a, b]", ["a", "b"]), ("rte", "rte"), ("null", None), ("2.5", 2.5)],
)
def test_single_values(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("text", ["[a", "a: b: c", "!!python/name:os.system"])
def test_bad_single_value(text: str) -> None:
    with pytest.raises(ValueError, match="is no YAML value"):
        parse_value(text)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB.encode(), r":5: more than 100,000 values, aliases counted as what they stand for"),
        (b"a: 1\nb: " + b"[" * 100_000, r":2: nested more than 40 levels deep"),
        (b"a: 1\nb: " + b"- " * 100_000 + b"x", r":2: "),
        (b"a: 1\nb: &b\n  c: *b\n", r":3: \*b stands within what it stands for"),
        (b"a: *gone\n", r":1: found undefined alias"),
        (b"a: 1\nb: \x07\n", r":2: the control character U\+0007"),
        (b"a: 1\nb: caf\xe9\n", r":2: not UTF-8"),
        (b"a: 1\nb: !!int x\n", r":2: 'x' is no int; put text in quotes"),
        (b"a: 1\nb: !!float [x]\n", r":2: "),
        (b"a: 1\nb: 2024-13-45\n", r":2: '2024-13-45' is no timestamp"),
        (b"a: 1\nb: " + b"9" * 5000, r":2: a number of 5,000 characters"),
        (b"a: 1\nb: 0x" + b"f" * 100_000, r":2: a number of 100,002 characters"),
        (b"? [a, b]\n: 1\n", r":1: "),
    ],
)
def test_hostile_file_is_refused_at_once_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    start = time.monotonic()
    with pytest.raises(OpenflanError, match=message):
        read_yaml(path, OpenflanError)
    assert time.monotonic() - start < 1


def test_aliases_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("\ufeffa: &one [1, 2]\nb: *one\n", encoding="utf-8")
    assert read_yaml(path, OpenflanError)[1] == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("text", ["[" * 1000, "&a [*a]", "\x07", "9" * 5000, "!!int x"])
def test_hostile_value_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no YAML value"):
        parse_value(text)
