"""The stand-in of the hub, and processes that read from it, with the network and without."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_reader import Reader
from hub_rows import LABELS, Ask
from hub_server import Hub, serving


@pytest.fixture(scope="module")
def hub() -> Hub:
    if importlib.util.find_spec("datasets") is None:
        pytest.skip("the extra `hub` is not installed")
    return Hub()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[dict[str, str]]:
    """Environment of a process that reads from the stand-in."""
    root = tmp_path_factory.mktemp("hub")
    with serving(hub) as address:
        yield {
            **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
            "HF_ENDPOINT": address,
            "HF_HOME": str(root / "huggingface"),
            "HF_HUB_DOWNLOAD_TIMEOUT": "1",
            "OPENFLAN_CACHE": str(root / "openflan"),
        }


@pytest.fixture(scope="module")
def online(places: dict[str, str]) -> Iterator[Ask]:
    reader = Reader(places)
    yield reader.ask
    reader.close()


@pytest.fixture
def offline(places: dict[str, str]) -> Iterator[Ask]:
    reader = Reader({**places, "HF_HUB_OFFLINE": "1"})
    yield reader.ask
    reader.close()


@pytest.fixture
def card(tmp_path: Path) -> Callable[..., Path]:
    """Writes a card with these sources on the hub, in order."""

    def write(*sources: dict[str, Any], **more: Any) -> Path:
        values = {
            "name": "pairs", "title": "Pairs", "cluster": "nli", "licence": "MIT", "citation": "nobody",
            "metric": "accuracy",
            "sources": [{"hub": source} if "path" in source else source for source in sources],
            "columns": {"premise": "string", "label": LABELS},
            "splits": {"train": "train[:-20]", "dev": "train[-20:]", "test": "validation"},
            "fields": ["premise"], "options": {"entailment": "yes", "contradiction": "no"}, "answer": "{{ label }}",
            "templates": [{"input": "{{ premise }}\n\n{{ options_ }}"}],
        } | more  # fmt: skip
        path = tmp_path / "pairs.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return path

    return write
