"""Tasks of other collections as cards of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openflan.api.progress import bar
from openflan.data.sources import parse_source

if TYPE_CHECKING:
    from openflan.interop.collect import Imported


def import_tasks(
    collection: str, folder: str | Path, out: str | Path, *, source: str | None = None, silent: bool = False
) -> Imported:
    """Write the tasks of another collection, `promptsource` or `natural-instructions`, as cards into the folder `out`.

    Rows that a collection brings along go into `out/rows`, as a mirror. With a `source` of rows every template of
    promptsource's is tried on a hundred of them. The result says what was written, which tasks state no licence, and
    which templates no row fills. Raises `UnknownNameError`, `CardError` for a file that cannot be read, and
    `OpenflanError` for a folder that has files already.

    >>> of.import_tasks("natural-instructions", "instructions", "imported", silent=True).cards
    1
    """
    from openflan.interop.collect import import_collection

    rows = parse_source(source) if source else None
    with bar("importing tasks", None, silent=silent) as move:
        return import_collection(
            collection, Path(folder).expanduser(), Path(out), rows, lambda number, name: move(number, title=name)
        )
