"""A tiny model, a small recipe on it, and what is exported of that."""

from __future__ import annotations

import json

import pytest
from tiny_folder import save_tiny_model

from openflan.recipe import Recipe, make_recipe


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    folder = save_tiny_model(tmp_path_factory.mktemp("export") / "tiny")
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**values, "max_position_embeddings": 2048}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def recipe(tiny) -> Recipe:
    return make_recipe(
        model={"path": str(tiny)},
        data={"tasks": ["copa", "rte", "common_gen"], "hold_out": ["sst2"]},
        format={"join": "eos"},
        train={"steps": 2, "row_length": 1024},
        evaluate={"tasks": ["sst2"], "rows": 6, "templates": [0, 3]},
    )
