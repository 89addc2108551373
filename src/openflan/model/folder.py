"""Model folders before anything is loaded from them: where they are, their files, and the base of an adapter.

No torch here, so that what is wrong with a folder is said at once.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from openflan.errors import ModelError

ADAPTER = "adapter_config.json"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf"})

PROMPT_TUNING = "PROMPT_TUNING"
"""What `peft` calls an adapter that is a soft prompt."""


def model_folder(path: str | Path) -> Path:
    """The folder at `path`, or of the model of that name on the hub, if it was downloaded; else raises `ModelError`."""
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if _HUB_NAME.fullmatch(str(path)) and (downloaded := _downloaded(str(path))):
        return downloaded
    raise ModelError(
        f"no model folder at {folder}; a model on the Hugging Face hub is named hub:ORG/NAME, or downloaded first "
        f"(hf download ORG/NAME)"
    )


def model_name(folder: Path) -> str:
    """What the model in a folder is called: after its run, or as on the hub."""
    if folder.name == "model":
        return folder.resolve().parent.name
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.rpartition("--")[2]
    return folder.resolve().name


def expect_model(folder: Path) -> None:
    """Raise `ModelError` where a folder, or the base of the adapter in it, has no configuration or no weights."""
    folders = lineage(folder)
    if not (folders[-1] / "config.json").is_file():
        raise ModelError(f"{folders[-1]} holds no config.json; it needs to be a Hugging Face model folder")
    for one in folders:
        if not any(path.suffix in _WEIGHTS for path in one.iterdir()):
            raise ModelError(f"{one} holds no weights; get its files again")


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model folder; raises `ModelError` where it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read ({error}); get the file again") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds {type(value).__name__} where an object is expected; get the file again")
    return value


def base_of(folder: Path) -> Path | None:
    """The folder of the model that an adapter changes; None for a model of its own. Raises `ModelError`."""
    if not (folder / ADAPTER).is_file():
        return None
    name = read_object(folder / ADAPTER).get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise ModelError(f"{folder / ADAPTER} does not name its base model (base_model_name_or_path)")
    base = _found(name, folder)
    if base is None:
        raise ModelError(
            f"{folder} holds an adapter of {name!r}, which is not on this machine: download that model "
            f"(hf download {name}), or write the path of its folder into {ADAPTER} as base_model_name_or_path"
        )
    return base


def lineage(folder: Path) -> list[Path]:
    """A model folder, the base it is an adapter of, and so on; raises `ModelError` for an adapter of itself."""
    folders = [folder]
    while base := base_of(folders[-1]):
        if base.resolve() in {one.resolve() for one in folders}:
            raise ModelError(
                f"{folders[-1] / ADAPTER} names {base} as its base, which leads back to the adapter itself"
            )
        folders.append(base)
    return folders


def _found(name: str, folder: Path) -> Path | None:
    """A base model by its path (from the adapter's folder, or from here), or by its name on the hub."""
    path = Path(name).expanduser()
    for place in (folder / path, path):  # An absolute path stays what it is.
        with suppress(OSError):  # a name too long for any path
            if place.is_dir():
                return place
    return _downloaded(name)


def _downloaded(name: str) -> Path | None:
    """Where the hub's own cache keeps a model; the network is not asked."""
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, local_files_only=True))
    except (ImportError, OSError, ValueError):
        return None


def tokenizer_folder(path: str | Path) -> Path:
    """The folder that a model's tokenizer is in: its own or that of its base; raises `ModelError` for none."""
    folders = lineage(model_folder(path))
    for folder in folders:
        if any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
            return folder
    raise ModelError(f"{folders[0]} holds no tokenizer.json; save the model's tokenizer into the folder")
