"""Putting what was made here on the Hugging Face hub: a model, or an exported mixture, as one commit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openflan.errors import OpenflanError
from openflan.interop.export.mixture import MANIFEST, UNFINISHED
from openflan.model.folder import ADAPTER, base_of, expect_model, read_object
from openflan.model.hub import first_line, hub_name
from openflan.training.saved import tuned_model

Kind = Literal["model", "dataset"]

_LEFT_HERE = ["**/.*", ".*", "*.part", "*.lock", "optimizer.pt"]
"""What is of no use to others."""


class PushError(OpenflanError):
    """A folder that is not to be pushed, or a hub that does not take it."""


@dataclass(frozen=True)
class Pushed:
    """A commit on the hub: what it is of, its address, and what others should know."""

    kind: Kind
    name: str
    commit: str
    address: str
    remarks: tuple[str, ...] = ()


def push(folder: Path, name: str, *, public: bool = False, message: str = "") -> Pushed:
    """Put a model folder, a run's model or an export on the hub as `ORG/NAME`; a new repository is private by default.

    The token is the hub's own: that of `hf auth login`, or of `HF_TOKEN`. Raises `PushError`, and `ModelError` for a
    folder that holds half a model.
    """
    kind, folder = kind_of(folder)
    name = hub_name(name)
    remarks = _remarks(folder) if kind == "model" else ()
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    except ImportError:
        raise PushError("openflan push needs huggingface_hub: pip install huggingface_hub") from None
    hub: Any = HfApi()
    try:
        hub.create_repo(name, repo_type=kind, private=not public, exist_ok=True)
        made = hub.upload_folder(
            repo_id=name, repo_type=kind, folder_path=folder, ignore_patterns=_LEFT_HERE,
            commit_message=message or f"openflan push {folder.name}",
        )  # fmt: skip
    except LocalTokenNotFoundError:
        raise PushError(f"the hub does not know who you are; {_LOG_IN}") from None
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        more = f"; {_LOG_IN}" if status in (401, 403) else ""
        raise PushError(f"the hub does not take {name}: {first_line(error)}{more}") from None
    except Exception as error:  # every version of the client has its own for a network that is not there
        raise PushError(f"{name} could not be pushed ({first_line(error)}); the same command tries again") from None
    return Pushed(kind, name, str(made.oid), str(made.commit_url), remarks)


_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"


def kind_of(folder: Path) -> tuple[Kind, Path]:
    """What a folder holds, and where in it; raises `PushError` where that is nothing for a hub."""
    if (folder / UNFINISHED).exists():
        raise PushError(f"the export in {folder} is unfinished; run the same openflan export again first")
    if (folder / MANIFEST).is_file():
        return "dataset", folder
    place = tuned_model(folder)
    if (place / "config.json").is_file() or (place / ADAPTER).is_file():
        expect_model(place)
        return "model", place
    raise PushError(f"{folder} holds neither a model nor what openflan export writes")


def _remarks(folder: Path) -> tuple[str, ...]:
    """What keeps others from using a model as it is."""
    base = base_of(folder)
    if base is None or base.parent.name == "snapshots":
        return ()
    named = read_object(folder / ADAPTER)["base_model_name_or_path"]
    return (
        f"the adapter names its base as {named}, a folder of this machine; others need to put the base's name on the "
        f"hub into {ADAPTER}",
    )
