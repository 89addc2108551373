"""The tutorial's notebook runs, and shows what came of it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from page_blocks import CHECKOUT, shortened
from stand_in import save_stand_in

from website.notebook import as_markdown, code_of

NOTEBOOK = CHECKOUT / "docs/tutorial/first_run.ipynb"


def test_its_cells_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_stand_in(tmp_path / "cache")
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, code in enumerate(code_of(NOTEBOOK)):
        shown = _run(shortened(code), f"cell {number}", names)
        if shown is not None:
            assert repr(shown)
            getattr(shown, "_repr_html_", str)()
    assert (tmp_path / "runs/tutorial/model/config.json").is_file()


def test_every_cell_that_shows_something_has_kept_it() -> None:
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code" and isinstance(ast.parse(cell.source).body[-1], ast.Expr | ast.For):
            assert cell.outputs, cell.source


def test_a_page_shows_text_code_and_outputs(tmp_path: Path) -> None:
    new = nbformat.v4
    outputs = [
        new.new_output("execute_result", {"text/plain": "x", "text/html": "<pre>a\n\nb</pre>"}, execution_count=1),
        new.new_output("stream", name="stdout", text="printed\n"),
    ]
    cells = [new.new_markdown_cell("# Title"), new.new_code_cell("1 + 1", outputs=outputs)]
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "n.ipynb")
    page = as_markdown(tmp_path / "n.ipynb")
    assert page.startswith("# Title\n\n```python\n1 + 1\n```\n\n<div")
    assert "<pre>a\n&#8203;\nb</pre>" in page  # no empty line, which would end the block
    assert page.endswith("```text\nprinted\n```\n")


def _run(code: str, place: str, names: dict[str, Any]) -> Any:
    """Run a cell; returns the value of its last line, as a notebook does."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), names)
    return eval(compile(ast.Expression(last.value), place, "eval"), names) if isinstance(last, ast.Expr) else None
