"""A stand-in for servers of the completions interface: a tiny model, several dialects, faults on request."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from small_models import EOS, byte_tokenizer, small_model_of

DIALECTS = ("prompt_logprobs", "ids", "echo", "nulls", "none", "chat", "llama.cpp", "strict")


@dataclass
class Completions:
    """How the server answers.

    `dialect`: it has `prompt_logprobs`, or an echo that names tokens by number (`ids`) or text (`echo`); `strict` has
    the latter and refuses keys it does not know; `nulls`, `none` and `llama.cpp` leave a prompt's log-probabilities
    out, `chat` has no completions at all. `faults` are used up one a request.
    """

    dialect: str = "echo"
    models: tuple[str, ...] = ("tiny",)
    family: str = "llama"
    faults: deque[str] = field(default_factory=deque)
    constant: str = ""
    key: str = ""
    retry_after: str = "0.2"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def complete(self, asked: dict[str, Any], fault: str) -> dict[str, Any]:
        prompts = asked["prompt"]
        found = [self._choice(number, prompt, asked, fault) for number, prompt in enumerate(prompts)]
        if fault == "count":
            found = found[:-1] if len(found) > 1 else [*found, {**found[0], "index": 1}]
        if fault == "shuffled":
            found.reverse()
        read = sum(map(len, prompts)) + (fault == "usage")
        return {"choices": found, "usage": {"prompt_tokens": read}}

    def _choice(self, index: int, ids: list[int], asked: dict[str, Any], fault: str) -> dict[str, Any]:
        ids = [ids[0], *ids[:-1]] if fault == "tokens" else ids
        with torch.inference_mode():
            logits = small_model_of(self.family)(torch.tensor([ids])).logits[0].log_softmax(-1)
        own = [None, *(logits[place, token].item() for place, token in enumerate(ids[1:]))]
        written = self._written(ids, int(asked.get("max_tokens", 16)))
        choice: dict[str, Any] = {"index": index, "text": _text(written)}
        if self.dialect == "prompt_logprobs" and asked.get("prompt_logprobs") is not None:
            named = [None if one is None else {"5": {"logprob": -9.0}, str(token): {"logprob": one}}
                     for token, one in zip(ids, own, strict=True)]  # fmt: skip
            choice["prompt_logprobs"] = named[1:] if fault == "short" else named
        elif self.dialect in ("ids", "echo", "strict", "nulls") and asked.get("echo"):
            names = [self._name(token) for token in [*ids, *written]]
            values = [*own, *[-1.0] * len(written)]
            if self.dialect == "nulls":
                values = [None] * len(values)
            if fault == "short":
                names, values = names[2:], values[2:]
            choice["logprobs"] = {"tokens": names, "token_logprobs": values}
        elif asked.get("logprobs") is not None:  # of what was written alone
            choice["logprobs"] = {
                "tokens": [self._name(one) for one in written],
                "token_logprobs": [-1.0] * len(written),
            }
        return choice

    def _written(self, ids: list[int], count: int) -> list[int]:
        written: list[int] = []
        with torch.inference_mode():
            while len(written) < count:
                token = int(small_model_of(self.family)(torch.tensor([[*ids, *written]])).logits[0, -1].argmax())
                if token == EOS:
                    break
                written.append(token)
        return written

    def _name(self, token: int) -> str:
        return f"token_id:{token}" if self.dialect == "ids" else _text([token])


def _text(tokens: list[int]) -> str:
    return byte_tokenizer().decode(tokens, skip_special_tokens=False)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: Completions

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            return self._send(200, {"data": [{"id": name, "max_model_len": 256} for name in self.stand_in.models]})
        if self.path == "/props" and self.stand_in.dialect == "llama.cpp":
            return self._send(200, {"default_generation_settings": {}})
        return self._send(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        asked, server = json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.stand_in
        if self.path != "/v1/completions" or server.dialect == "chat":
            return self._send(404, {"error": {"message": "not found"}})
        if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
            return self._send(401, {"error": {"message": "no such key"}})
        if server.dialect == "strict" and (odd := asked.keys() & {"prompt_logprobs", "return_tokens_as_token_ids"}):
            return self._send(400, {"error": {"message": f"unknown keys: {', '.join(sorted(odd))}"}})
        with server.lock:
            server.bodies.append(asked)
            fault = server.faults.popleft() if server.faults else server.constant
            server._at_once += 1
            server.most_at_once = max(server.most_at_once, server._at_once)
        try:
            return self._faulty(asked, fault)
        finally:
            with server.lock:
                server._at_once -= 1

    def _faulty(self, asked: dict[str, Any], fault: str) -> None:
        match fault:
            case "silence":
                time.sleep(3.0)
            case "limit":
                return self._send(429, {"error": {"message": "slow down"}}, {"Retry-After": self.stand_in.retry_after})
            case "down":
                return self._send(503, {"error": {"message": "loading"}})
            case "refused":
                return self._send(400, {"error": {"message": "the prompt is too long"}})
            case "hung up":
                self.close_connection = True
                return None
        return self._send(200, self.stand_in.complete(asked, fault), cut=fault == "cut")

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # who waited has gone
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection |= cut

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def completions(**how: Any) -> Iterator[tuple[str, Completions]]:
    """Serve while the block runs; yields the address and the server."""
    stand_in = Completions(**how)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stand_in": stand_in}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", stand_in
    finally:
        server.shutdown()
        server.server_close()
