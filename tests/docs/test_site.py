"""The built site: without a warning, whole, readable offline; and the references leave nothing out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from page_blocks import CHECKOUT

import openflan
from openflan.cli import VERBS
from openflan.recipe import Recipe, packaged_recipes
from openflan.tasks.card import Baseline, Card, Layout, Source, Template, Variant
from website import recipe_keys, verbs

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
"""Elements that a browser fetches something for, and the attribute that says what."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # as in the Makefile: the theme's own news
    built = subprocess.run(command, cwd=CHECKOUT, env=quiet, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        found = _Loads()
        found.feed(page.read_text(encoding="utf-8"))
        assert found.places, page
        assert not [place for place in found.places if re.match(r"(https?:)?//", place)], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_a_browser_asks_nobody_else_either(site: Path, browser: Any) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("index.html", "tutorial/first_run.html", "reference/recipe.html"):
        page.goto((site / name).as_uri())
    page.close()
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("width", [420, 1280])
def test_no_page_is_wider_than_the_screen(site: Path, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for name in ("index.html", "tutorial/first_run.html", "reference/recipe.html", "reference/verbs.html"):
        page.goto((site / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.close()


def test_the_pages_made_from_code_are_there(site: Path) -> None:
    assert "tokens_per_step" in (site / "reference/recipe.html").read_text(encoding="utf-8")
    assert "openflan licences" in (site / "reference/verbs.html").read_text(encoding="utf-8")
    assert "openflan" in (site / "how-to/openflan.sbatch").read_text(encoding="utf-8")
    python = (site / "reference/python.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in python for name in openflan.__all__)


def test_every_key_of_a_recipe_says_what_it_means() -> None:
    rows = re.findall(r"^\| (`\w+`) \| (.*?) \| (.*?) \| (.*?) \|$", recipe_keys.page(), re.MULTILINE)
    assert len(rows) > 60
    assert not [key for key, *_, meaning in rows if not meaning.strip()]
    assert all(kind.__doc__ for kind in recipe_keys.configurations().values())


def test_every_section_and_key_of_a_recipe_is_listed() -> None:
    page = recipe_keys.page()
    for name in Recipe.model_fields:
        assert f"## {name}\n" in page or f"| `{name}` |" in page
    for name, value in Recipe().model_dump(mode="json").items():
        if isinstance(value, dict):
            assert {key.strip("`") for key, *_ in _rows(page, name)} == set(value)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, "whole number ≥ 1"),
        ({"type": "number", "exclusiveMinimum": 0}, "number > 0"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or nothing"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "list of `a`, `b`"),
        ({"$ref": "#/$defs/Lora"}, "[Lora](#lora)"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 2**63}, "whole number ≥ 0"),
    ],
)
def test_a_type_in_words(schema: dict[str, Any], words: str) -> None:
    assert recipe_keys.in_words(schema) == words


def test_every_verb_and_option_is_listed() -> None:
    page = verbs.page()
    for verb in VERBS:
        section = page.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]
        for action in verbs.parser_of(verb)._actions:
            for option in action.option_strings:
                assert option in section or option in ("-h", "--help"), f"{verb} {option}"


def test_the_page_of_cards_lists_every_key() -> None:
    page = (CHECKOUT / "docs/cards.md").read_text(encoding="utf-8")
    for kind in (Card, Layout, Source, Variant, Template, Baseline):
        for key in kind.model_fields:
            assert f"`{key}`" in page or f"{key}:" in page or f"{key}," in page, f"{kind.__name__}.{key}"


@pytest.mark.parametrize("name", packaged_recipes())
def test_every_knob_of_a_recipe_has_its_comment(name: str) -> None:
    text = packaged_recipes()[name].read_text(encoding="utf-8")
    sections = set(yaml.safe_load(text))
    lines = text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        key = re.match(r"\s*(\w+):", line)
        if key and key[1] not in sections | {"name", "description"}:
            assert "  #" in line or before.strip().startswith("#"), line


class _Loads(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "link" and named.get("rel") in ("canonical", "next", "prev", "edit"):
            return
        if place := named.get(LOADED.get(tag, "")):
            self.places.append(place)


def _rows(page: str, section: str) -> list[tuple[str, str, str, str]]:
    """The rows of a section's table: key, value, default, meaning."""
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`\w+`) \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
