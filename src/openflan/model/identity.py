"""A model's identity: a hash over everything that its answers depend on.

Weights in any format, configuration, tokenizer, chat templates, generation settings, an adapter with its base, and the
precision they are computed in. What says nothing about the answers, as the version that saved a file, is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from openflan.files import cache, write_json
from openflan.model.folder import ADAPTER, lineage, model_folder, read_object, tokenizer_folder
from openflan.model.weights import read_header

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf")
_NO_WEIGHTS = frozenset({"training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt", "rng_state.pth"})
_TOKENIZER = ("tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.model")
_TEMPLATES = ("chat_template*", "additional_chat_templates/*")
_UNSAID = frozenset({"_name_or_path", "name_or_path", "transformers_version", "_from_model_config", "peft_version"})
"""Settings that hold where or with what a file was saved."""


def model_identity(path: str | Path, dtype: str = "auto") -> dict[str, Any]:
    """What identifies the model in a folder when it is computed in `dtype`; JSON-able, with one `fingerprint` over all.

    Raises `ModelError` for a folder that is missing or damaged.
    """
    folders = lineage(model_folder(path))
    own = _parts(folders[0])
    base = [_parts(folder) for folder in folders[1:]]
    about = {**own, **({"base": base} if base else {}), "dtype": resolved_dtype(folders[-1], dtype)}
    return {"fingerprint": _hashed(about)[:16], **_origin(folders[-1]), **about}


def tokenizer_identity(path: str | Path) -> str:
    """A hash of a model folder's tokenizer and chat templates: all of the folder that another engine's model shares."""
    folder = tokenizer_folder(path)
    return _hashed({one.name: _settings(one) for one in _files(folder, (*_TOKENIZER, *_TEMPLATES))})[:16]


def folder_fingerprint(path: str | Path) -> str:
    """A hash of all that is in a model folder and its bases, in whatever precision they are computed."""
    return _hashed([_parts(folder) for folder in lineage(model_folder(path))])[:16]


def resolved_dtype(folder: Path, dtype: str) -> str:
    """The precision that `dtype` stands for with the model in a folder (of an adapter: its base)."""
    if dtype == "fast":
        from openflan.model.precision import fast_dtype

        return str(fast_dtype()).removeprefix("torch.")
    if dtype != "auto":
        return dtype
    config = read_object(folder / "config.json") if (folder / "config.json").is_file() else {}
    named = config.get("dtype") or config.get("torch_dtype") or _saved_dtype(folder) or "float32"
    return str(named).removeprefix("torch.")


def _origin(folder: Path) -> dict[str, str]:
    """The name and commit on the hub of a folder in the hub's own cache; what is hashed does not depend on it."""
    if folder.parent.name != "snapshots":
        return {}
    return {"hub": f"{folder.parent.parent.name.removeprefix('models--').replace('--', '/')}@{folder.name}"}


def _saved_dtype(folder: Path) -> str | None:
    """The precision of the first weights in a folder, if they are in safetensors files."""
    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64"}
    for path in sorted(folder.glob("*.safetensors")):
        for weight in read_header(path).values():
            if name := names.get(weight["dtype"]):
                return name
    return None


def _parts(folder: Path) -> dict[str, Any]:
    """A folder's own parts: hashes of the files by name."""
    parts: dict[str, Any] = {
        "weights": {path.name: _content(path) for path in _files(folder, _WEIGHTS) if path.name not in _NO_WEIGHTS},
        "tokenizer": {path.name: _settings(path) for path in _files(folder, _TOKENIZER)},
        "templates": {path.name: _content(path) for path in _files(folder, _TEMPLATES)},
    }
    for name, file in (("config", "config.json"), ("generation", "generation_config.json"), ("adapter", ADAPTER)):
        if (folder / file).is_file():
            parts[name] = _settings(folder / file)
    return parts


def _files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not path.name.startswith("."))


def _settings(path: Path) -> str:
    """A hash of what a file says; of JSON, however it is written."""
    if path.suffix != ".json" or path.name in ("tokenizer.json", "vocab.json"):
        return _content(path)
    dropped = _UNSAID | ({"base_model_name_or_path"} if path.name == ADAPTER else set())
    return _hashed({name: value for name, value in read_object(path).items() if name not in dropped})


def _content(path: Path) -> str:
    """The SHA-256 of a file; remembered for as long as the file has the same size and time."""
    state = path.stat()
    seen = {"path": str(path.resolve()), "size": state.st_size, "modified": state.st_mtime_ns}
    note = cache() / "hashes" / f"{_hashed(seen['path'])[:32]}.json"
    with suppress(OSError, ValueError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if isinstance(known, dict) and seen.items() <= known.items():
            return str(known["sha256"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with suppress(OSError):  # It will be computed again.
        write_json(note, {**seen, "sha256": digest})
    return digest


def _hashed(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
