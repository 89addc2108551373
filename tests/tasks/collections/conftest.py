"""Small collections in the layouts of promptsource and Natural Instructions, made up here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

APACHE = "Apache License\nVersion 2.0"


@pytest.fixture
def promptsource(tmp_path: Path) -> Callable[..., Path]:
    """Write a `templates.yaml`; a template is given as its values, less what all of them have."""

    def write(
        dataset: str, subset: str | None = None, licence: str = "Apache License\nVersion 2.0", **templates: Any
    ) -> Path:
        root = tmp_path / "promptsource"
        folder = root.joinpath(dataset, *([subset] if subset else []))
        folder.mkdir(parents=True)
        lines = [f"dataset: {dataset}", *([f"subset: {subset}"] if subset else []), "templates:"]
        for number, (name, values) in enumerate(templates.items()):
            metadata = {"original_task": True, "choices_in_prompt": None, "metrics": ["Accuracy"], "languages": ["en"]}
            metadata |= values.pop("metadata", {})
            entry = {"id": f"id-{number}", "name": name, "reference": "", "answer_choices": None} | values
            lines += [
                f"  id-{number}: !Template",
                *_indented(entry, 4),
                "    metadata: !TemplateMetadata",
                *_indented(metadata, 6),
            ]
        (folder / "templates.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if licence:
            (root / "LICENSE").write_text(licence, encoding="utf-8")
        return root

    return write


@pytest.fixture
def instructions(tmp_path: Path) -> Callable[..., Path]:
    """Write a task of Natural Instructions; keys given replace those of the small one."""

    def write(name: str = "task001_toy", instances: int = 20, group: str | None = None, **changes: Any) -> Path:
        root = tmp_path / "instructions"
        values = {
            "Source": ["made up"],
            "Categories": ["Textual Entailment"],
            "Definition": ["Say whether {{ braces }} stay."],
            "Positive Examples": [{"input": f"in {n}", "output": f"out {n}", "explanation": ""} for n in range(3)],
            "Instances": [{"input": f"input {n}", "output": [f"Yes {n}.", "no"]} for n in range(instances)],
            "Instance License": ["MIT"],
        } | {key.replace("_", " "): value for key, value in changes.items()}  # fmt: skip
        (root / "tasks").mkdir(parents=True, exist_ok=True)
        written = {key: value for key, value in values.items() if value is not None}
        (root / "tasks" / f"{name}.json").write_text(json.dumps(written), encoding="utf-8")
        if group:
            lists = root / "splits" / "default"
            lists.mkdir(parents=True, exist_ok=True)
            with (lists / f"{group}_tasks.txt").open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        return root

    return write


def _indented(values: dict[str, Any], by: int) -> list[str]:
    return [" " * by + line for line in yaml.safe_dump(values, allow_unicode=True).splitlines()]
