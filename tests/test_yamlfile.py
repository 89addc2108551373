"""YAML read into typed models: every fault with its file, line and key."""

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
