"""The floors that pyproject.toml declares are the ones that `make test-oldest` installs."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def floors():
    command = [sys.executable, str(ROOT / "tools" / "oldest.py")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split("==") for line in lines)


def test_every_package_with_a_lower_bound_is_pinned_to_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    asked = re.findall(r'^ +"([a-z0-9-]+)(?:\[.*?\])?>=([0-9.]+)",$', text, re.MULTILINE)
    found = floors()
    assert {"torch", "transformers", "tokenizers", "pyarrow", "pydantic", "numpy"} <= set(found)
    assert all(found[name] == version for name, version in asked)
    assert len(asked) >= 10


def test_what_has_no_lower_bound_is_left_open():
    spec = importlib.util.spec_from_file_location("oldest", ROOT / "tools" / "oldest.py")
    oldest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oldest)
    project = {"dependencies": ["a>=1.2"], "optional-dependencies": {"x": ["b[c]>=3,<4", "d", "own[x,y]", "e==5.1"]}}
    assert oldest.floors(project) == {"a": "1.2", "b": "3", "e": "5.1"}
