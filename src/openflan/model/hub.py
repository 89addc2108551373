"""Models on the Hugging Face hub, behind an explicit word: `hub:ORG/NAME`, or `hub:ORG/NAME@COMMIT`.

Files go through `huggingface_hub` into its own cache. A model that is named without a commit is that of the main branch
when it was first fetched: the commit is noted then, and stays, so that results never mix two of them. With everything
fetched the network is not asked any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from openflan.errors import ModelError
from openflan.files import cache, write_json

HUB = "hub:"

_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SETTINGS = re.compile(
    r"[^/]*\.(json|txt|model|jinja)|additional_chat_templates/[^/]*\.jinja|vocab\.[^/]*|LICENSE[^/]*"
)
_SILENCE = 10.0
"""Seconds without an answer after which the hub counts as out of reach."""


def hub_name(name: str) -> str:
    """`ORG/NAME`, with or without `hub:` before it; raises `ModelError` for what is none."""
    found = _NAME.fullmatch(name.removeprefix(HUB))
    if found is None or found["revision"]:
        raise ModelError(f"{name} is no name on the hub; write {HUB}ORG/NAME")
    return found["name"]


def hub_model(named: str) -> Path:
    """The folder of a model on the hub, fetched if it is not here yet; raises `ModelError`."""
    found = _NAME.fullmatch(named)
    if found is None:
        raise ModelError(f"{HUB}{named} is no name on the hub; write {HUB}ORG/NAME or {HUB}ORG/NAME@COMMIT")
    name, revision = found["name"], found["revision"] or "main"
    note = cache() / "hub-models" / f"{name.replace('/', '--')}@{revision.replace('/', '--')}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(note.read_text(encoding="utf-8"))
        if all((Path(kept["folder"]) / file).is_file() for file in kept["files"]):
            return Path(kept["folder"])
        revision = kept["commit"]
    return _fetched(name, revision, note)


def _fetched(name: str, revision: str, note: Path) -> Path:
    """Fetch a model's files and note their commit; a download that broke off goes on."""
    try:
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise ModelError(f"{HUB}{name} needs huggingface_hub: pip install huggingface_hub") from None
    try:
        about: Any = HfApi().model_info(name, revision=revision, timeout=_SILENCE)
        files = _needed(file.rfilename for file in about.siblings)
        folder = Path(snapshot_download(name, revision=about.sha, allow_patterns=files))
    except HfHubHTTPError as error:
        raise ModelError(f"{HUB}{name}@{revision} cannot be had: {first_line(error)}") from None
    except Exception as error:  # every version of the client has its own for a network that is not there
        raise ModelError(
            f"{HUB}{name}@{revision} could not be fetched ({first_line(error)}); the same command goes on from there"
        ) from None
    if "config.json" not in files:
        raise ModelError(f"{HUB}{name}@{revision} holds no config.json; it is no model in the Hugging Face layout")
    write_json(note, {"name": name, "commit": about.sha, "folder": str(folder), "files": files})
    return folder


def _needed(files: Iterable[str]) -> list[str]:
    """Settings, tokenizer, and weights in one format: the safe one where there are both."""
    names = sorted(files)
    weights = [name for name in names if name.endswith(".safetensors") and "/" not in name]
    weights = weights or [name for name in names if name.endswith(".bin") and "/" not in name]
    return [*(name for name in names if _SETTINGS.fullmatch(name)), *weights]


def first_line(error: Exception) -> str:
    """What an error of the hub's client says, in a line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
