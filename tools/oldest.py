"""Print the oldest version of everything that pyproject.toml asks for, as constraints for pip.

    python tools/oldest.py > oldest.txt && pip install -c oldest.txt -e '.[test]'

The floors are written once, in pyproject.toml, and `make test-oldest` shows that they hold.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_FLOOR = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?\s*[>=]=\s*(?P<version>[0-9][0-9A-Za-z.]*)")


def floors(project: dict[str, object]) -> dict[str, str]:
    """The lowest version of each package that a `project` table names with one, by name."""
    optional = project.get("optional-dependencies", {})
    assert isinstance(optional, dict)
    asked = [*project.get("dependencies", []), *(one for extra in optional.values() for one in extra)]  # type: ignore[misc]
    found = (_FLOOR.match(one) for one in asked)
    return {one["name"].lower(): one["version"] for one in found if one}


if __name__ == "__main__":
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    for name, version in sorted(floors(tomllib.loads(text)["project"]).items()):
        print(f"{name}=={version}")
