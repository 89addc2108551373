"""How models elsewhere are named: `server:http://127.0.0.1:8000/v1#MODEL`, `vllm:FOLDER`, `llamacpp:FILE.gguf`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from openflan.errors import ModelError

Kind = Literal["server", "vllm", "llamacpp"]

_CHAT = re.compile(r"/chat(/completions)?/?$")


@dataclass(frozen=True)
class Elsewhere:
    """A model behind another engine: the engine, an address, folder or file, and the model's name on a server."""

    kind: Kind
    place: str
    model: str = ""

    @property
    def called(self) -> str:
        """What the model is called in tables and folders."""
        return (self.model or urlsplit(self.place).netloc or Path(self.place).stem).rpartition("/")[2]


def elsewhere(model: str) -> Elsewhere | None:
    """What a name says of a model elsewhere; None for any other name. Raises `ModelError` for one that cannot be."""
    kind, colon, place = model.partition(":")
    if not colon or kind not in get_args(Kind):
        return None
    if not place:
        raise ModelError(f"{model} names no model; write server:ADDRESS#MODEL, vllm:FOLDER or llamacpp:FILE.gguf")
    if kind == "server":
        return _server(model, place)
    return Elsewhere("vllm" if kind == "vllm" else "llamacpp", str(Path(place).expanduser()))


def _server(model: str, place: str) -> Elsewhere:
    address, _, name = place.partition("#")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ModelError(f"{model} has no address; write server:http://HOST:PORT/v1#MODEL")
    if parts.username or parts.password:
        raise ModelError("an address with a password would be kept with the results; set OPENFLAN_API_KEY instead")
    if _CHAT.search(parts.path):
        raise ModelError(
            f"{address} is a chat endpoint, which never says how likely a given text is and so cannot rank options; "
            "name the address that /completions is under, such as http://HOST:PORT/v1"
        )
    return Elsewhere("server", address.rstrip("/").removesuffix("/completions"), name)
