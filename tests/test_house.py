"""How the package is put together: which room may import which, and how long a file may be."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import openflan

SOURCE = Path(openflan.__file__).parent
TESTS = Path(__file__).parent
LEVELS: dict[str, int] = {
    "errors": 0, "columns": 0, "confined": 0, "files": 0, "letters": 0, "lists": 0, "notes": 0, "ranges": 0, "sums": 0,
    "wording": 0, "yamlfile": 0,
    "tasks": 1, "data": 2, "model": 3, "training": 4, "evaluation": 4,
    "recipe": 5, "contamination": 6, "study": 6, "interop": 7, "report": 7, "playground": 7, "api": 8, "cli": 9,
}  # fmt: skip
"""A room or a module beside the rooms → its level; it imports from its own and lower ones."""

MOST_LINES = 350


def test_every_room_has_a_level():
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    modules = {path.stem for path in SOURCE.glob("[a-z]*.py")}
    assert rooms | modules == set(LEVELS)


def test_imports_run_one_way():
    wrong = [
        f"{path.relative_to(SOURCE)} imports {target}"
        for path, target in every_import()
        if (here := room(path)) in LEVELS and LEVELS[target.split(".")[1]] > LEVELS[here]
    ]
    assert not wrong


def test_rooms_of_one_level_do_not_import_each_other():
    pairs = {("training", "evaluation"), ("evaluation", "training")}
    assert not [
        f"{path.relative_to(SOURCE)} imports {target}"
        for path, target in every_import()
        if (room(path), target.split(".")[1]) in pairs
    ]


def test_the_command_line_is_written_on_the_api_alone():
    public = {"api", "cli", "columns", "errors", "files", "recipe", "wording"}
    assert not [
        f"{path.name} imports {target}"
        for path, target in every_import(at_run_time=True)
        if room(path) == "cli" and target.split(".")[1] not in public
    ]


def test_no_circle_of_modules():
    graph: dict[str, set[str]] = {}
    for path, target in every_import():
        graph.setdefault(module(path), set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))


def test_no_long_file():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert not [f"{path.name}: {lines} lines" for path, lines in lengths.items() if lines > MOST_LINES]


def python_files() -> list[Path]:
    return [*SOURCE.rglob("*.py"), *TESTS.rglob("*.py")]


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def module(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def every_import(at_run_time: bool = False) -> list[tuple[Path, str]]:
    """Each file with the modules of the package that it imports, wherever in it; not the package itself."""
    found: list[tuple[Path, str]] = []
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = {inner for node in ast.walk(tree) if for_types(node) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if not (at_run_time and node in typing):
                found += [(path, name) for name in modules_of(node)]
    return found


def for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def modules_of(node: ast.AST) -> list[str]:
    """What an import statement of the package imports: modules, also where they are named after `import`."""
    if isinstance(node, ast.Import):
        return [name.name for name in node.names if name.name.startswith("openflan.")]
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("openflan"):
        return []
    inner = [f"{node.module}.{name.name}" for name in node.names]
    found = {name if is_module(name) else str(node.module) for name in inner}
    return sorted(found - {"openflan"})


def is_module(name: str) -> bool:
    place = SOURCE.parent.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()
