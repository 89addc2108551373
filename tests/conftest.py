"""What several tests share: the folder of real rows, and small catalogs made up in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

from openflan.cli import terminal
from openflan.tasks.card import Card
from openflan.tasks.registry import Task

# What is printed has no edge here, whichever test imports this first, in whatever terminal.
terminal.out.width = 10_000

hypothesis.settings.register_profile("openflan", deadline=None)
hypothesis.settings.load_profile("openflan")

CHECKOUT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden renderings under tests/golden")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real rows: OPENFLAN_SHARED_DATA, else `../shared/data` beside the checkout."""
    folder = Path(os.environ.get("OPENFLAN_SHARED_DATA") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        message = f"no folder of real rows at {folder}; set OPENFLAN_SHARED_DATA to one"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The folder of the real 135M model. CI fetches it, so that no test of it is passed over there."""
    from openflan.model import default

    folder = default.cache() / "models" / default.NAME
    if os.environ.get("CI") != "true" and not (folder / "model.safetensors").is_file():
        pytest.skip(f"the small model is not at {folder}; any openflan command that needs it fetches it")
    return default.small_model()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium from the system's packages, driven by Playwright. CI has one, so that no page goes unseen."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        message = "no Chromium on the PATH; the system's package `chromium` is one"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def card_values(**changes: Any) -> dict[str, Any]:
    """A small, complete card as YAML would give it: two-way entailment with one forward template."""
    return {
        "name": "toy",
        "title": "A toy",
        "cluster": "nli",
        "licence": "CC0",
        "citation": "none",
        "access": "made up in the tests",
        "sources": [{"columns": {"premise": "string", "hypothesis": "string", "label": ["entailed", "open"]}}],
        "splits": {"train": "train[:-20]", "dev": "train[-20:]", "test": "validation"},
        "fields": ["premise", "hypothesis"],
        "options": {"entailed": "yes", "open": "no"},
        "answer": "{{ label }}",
        "metric": "accuracy",
        "templates": [{"input": "{{ premise }}\n\nSo {{ hypothesis }}?\n\n{{ options_ }}"}],
    } | changes


@pytest.fixture
def toy_rows() -> Callable[..., list[dict[str, Any]]]:
    """Rows for the small card, all different."""

    def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
        return [
            {"premise": f"Ship {number} sails.", "hypothesis": f"ship {number} moves", "label": number % 2}
            for number in range(start, start + count)
        ]

    return rows


@pytest.fixture
def make_card(tmp_path: Path) -> Callable[..., Path]:
    """Write the small card, with changes, to a file named after it."""

    def write(**changes: Any) -> Path:
        values = card_values(**changes)
        path = tmp_path / "cards" / f"{values['name']}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    return write


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """The small card, with changes, as a task."""

    def make(variant: str = "", **changes: Any) -> Task:
        return Task(Card.model_validate(card_values(**changes)), variant)

    return make


@pytest.fixture
def make_mirror(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as `<dataset>/<split>.jsonl` under a mirror folder; returns that folder."""

    def write(dataset: str = "toy", **splits: Iterable[Mapping[str, Any]]) -> Path:
        folder = tmp_path / "mirror" / dataset
        folder.mkdir(parents=True, exist_ok=True)
        for split, rows in splits.items():
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
        return folder.parent

    return write
