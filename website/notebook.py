"""The tutorial's notebook: run it anew, and show it as a page.

`python -m website.notebook FILE` runs every cell and keeps the outputs in the file itself. The page is made of what is
kept there, so that a build of the site runs no model.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import nbformat

from openflan.files import write_text

_KINDS = ("image/svg+xml", "text/html", "text/plain")
"""What an output may be shown as, the best first."""


def execute(path: Path) -> None:
    """Run the notebook's cells in order and keep their outputs; raises nbclient's `CellExecutionError`."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=None, startup_timeout=600, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each cell ran, which says nothing to a reader
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _is_result(output)]
    write_text(path, nbformat.writes(notebook) + "\n")


def code_of(path: Path) -> list[str]:
    """The notebook's code cells."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def as_markdown(path: Path) -> str:
    """The notebook as a page: its text, its code, and under each piece of code what came of it."""
    parts: list[str] = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts.append(f"```python\n{cell.source}\n```")
            parts += [_shown(output) for output in cell.outputs]
    return "\n\n".join(parts) + "\n"


def _is_result(output: Any) -> bool:
    """Whether an output is what a cell gave or printed, rather than a progress bar or a library's remark."""
    return bool(output.output_type == "execute_result" or output.get("name") == "stdout")


def _shown(output: Any) -> str:
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    kind = next(kind for kind in _KINDS if kind in output.data)
    text = output.data[kind].strip()
    if kind == "text/plain":
        return f"```text\n{text}\n```"
    # An empty line would end the block of HTML, and what follows would be read as Markdown.
    lines = "\n".join(line or "&#8203;" for line in text.split("\n"))
    return f'<div class="output">\n{lines}\n</div>'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path, nargs="+")
    for notebook in parser.parse_args().notebook:
        execute(notebook)
