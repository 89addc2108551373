"""A study of six cells on a tiny model, done once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from small_study import SIX_CELLS, do_all, planned_in
from tiny_folder import save_tiny_model

from openflan.study.drive import PlannedStudy


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def study_file(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    values = {**SIX_CELLS, "base": {**SIX_CELLS["base"], "model": {"path": str(tiny_model)}}}
    path = tmp_path_factory.mktemp("study") / "six.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def done_study(tmp_path_factory: pytest.TempPathFactory, study_file: Path) -> PlannedStudy:
    """The six cells, done without an interruption."""
    planned = planned_in(tmp_path_factory.mktemp("whole") / "six", study_file)
    do_all(planned.folder)
    return planned
