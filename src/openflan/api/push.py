"""Putting models and exports on a hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openflan.api.progress import bar, quiet_libraries

if TYPE_CHECKING:
    from openflan.interop.push import Pushed


def push(folder: str | Path, name: str, *, public: bool = False, message: str = "", silent: bool = False) -> Pushed:
    """Put a model folder, a run's model or what `export` wrote on the Hugging Face hub as `ORG/NAME`, in one commit.

    A repository that is not there yet is made, and is private unless it is to be `public`. Raises `OpenflanError`
    where the hub does not take it, or the folder holds nothing for it.
    """
    from openflan.interop.push import push as push_folder

    quiet_libraries()
    with bar(f"pushing {folder}", None, silent=silent):
        return push_folder(Path(folder), name, public=public, message=message)
