"""A stand-in for the Hugging Face hub on 127.0.0.1: as much of its protocol as data sets and models take.

It speaks to `huggingface_hub` and `datasets` as the hub does: repository information, file trees, `paths-info`, and
`resolve` with HEAD, GET and ranges, errors told by the `X-Error-Code` header. It takes new repositories from whoever
has `TOKEN`, and commits. It can also misbehave, on purpose.
"""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_stand_in"


@dataclass
class Repository:
    """Files by revision.

    `gated` answers 401 or 403; `cut` ends so many downloads of a file half way; `silent` files, or kinds of question
    (`revision`, `tree`), get no answer.
    """

    revisions: dict[str, dict[str, bytes]]
    gated: int = 0
    private: bool = False
    cut: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def commit(self, revision: str) -> str | None:
        """The commit a branch or commit stands for."""
        commits = {self._hash(name): name for name in self.revisions}
        return self._hash(revision) if revision in self.revisions else revision if revision in commits else None

    def files(self, revision: str) -> dict[str, bytes]:
        return next(files for name, files in self.revisions.items() if revision in (name, self._hash(name)))

    def _hash(self, name: str) -> str:
        digest = hashlib.sha1()
        for path, content in sorted(self.revisions[name].items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()


class Hub:
    """The repositories, and what was asked for: `(method, path, range)`."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.sent = 0
        self.stopped = threading.Event()

    def add(self, name: str, files: dict[str, bytes], revision: str = "main", **behaviour: Any) -> Repository:
        repository = self.repositories.setdefault(name, Repository({}, **behaviour))
        repository.revisions[revision] = files
        return repository

    def downloaded(self, ending: str = ".parquet") -> set[str]:
        """The paths of files of which anything was fetched."""
        return {path for method, path, _ in self.requests if method == "GET" and path.endswith(ending)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range", "")))
        match path.strip("/").split("/"):
            case ["api", "repos", "create"]:
                self._create()
            case ["api", "datasets" | "models", owner, name, "preupload" | "commit" as what, _]:
                self._write(f"{owner}/{name}", what)
            case ["api", "datasets" | "models", owner, name, *rest]:
                self._repository(f"{owner}/{name}", rest, self._api)
            case ["datasets", owner, name, "resolve", *rest] | [owner, name, "resolve", *rest]:
                self._repository(f"{owner}/{name}", ["resolve", *rest], self._resolve)
            case _:
                self._send(404, b"{}")

    def _repository(self, name: str, rest: list[str], answer: Any) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._error(401, "RepoNotFound", "Invalid username or password.")
        if repository.gated:
            return self._error(repository.gated, "GatedRepo", f"Access to dataset {name} is restricted.")
        if rest and rest[0] in repository.silent:
            return self._wait()
        revision, inside = _revision(rest[1:])
        if repository.commit(revision) is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return answer(name, repository, rest[0] if rest else "revision", revision, inside)

    def _api(self, name: str, repository: Repository, kind: str, revision: str, inside: str) -> None:
        files, commit = repository.files(revision), repository.commit(revision)
        if kind == "revision":
            siblings = [{"rfilename": path} for path in files]
            return self._json({"id": name, "sha": commit, "siblings": siblings, "tags": [], "private": False})
        if kind == "tree":
            if inside and not any(path.startswith(f"{inside}/") for path in files):
                return self._error(404, "EntryNotFound", f"{inside} does not exist")
            recursive = "recursive=true" in self.path.lower()
            return self._json(_entries(files, inside, recursive))
        if kind == "paths-info":
            asked = [part.split("=", 1)[1] for part in self.body.decode().split("&") if part.startswith("paths=")]
            entries = _entries(files, "", True)
            return self._json([entry for entry in entries if entry["path"] in [unquote(path) for path in asked]])
        return self._send(404, b"{}")

    def _resolve(self, name: str, repository: Repository, _: str, revision: str, path: str) -> None:
        content = repository.files(revision).get(path)
        if content is None:
            return self._error(404, "EntryNotFound", f"{path} does not exist")
        if path in repository.silent and self.command == "GET":
            return self._wait()
        headers = {
            "X-Repo-Commit": str(repository.commit(revision)),
            "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        status = 200
        if asked := self.headers.get("Range"):
            start, _, stop = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(stop or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            content, status = content[first : last + 1], 206
        cut = self.command == "GET" and repository.cut.get(path, 0) > 0
        if cut:
            repository.cut[path] -= 1
        return self._send(status, content, headers, len(content) // 2 if cut else None)

    def _create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._error(401, "", "Invalid username or password.")
        if name in self.hub.repositories:
            return self._json({"url": f"http://{self.headers['Host']}/{name}", "error": "it is there already"}, 409)
        self.hub.add(name, {}).private = asked.get("private") or asked.get("visibility") == "private"
        return self._json({"url": f"http://{self.headers['Host']}/{name}", "name": name})

    def _write(self, name: str, what: str) -> None:
        repository = self.hub.repositories[name]
        if what == "preupload":
            files = json.loads(self.body)["files"]
            told = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
            return self._json({"files": told})
        lines = [json.loads(line) for line in self.body.decode().splitlines()]
        added = {line["value"]["path"]: b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"}
        repository.revisions["main"] = {**repository.revisions["main"], **added}
        commit = repository.commit("main")
        address = f"http://{self.headers['Host']}/{name}/commit/{commit}"
        return self._json({"commitUrl": address, "commitOid": commit, "success": True})

    def _wait(self) -> None:
        self.hub.stopped.wait()
        self.close_connection = True

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, stop: int | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:stop])
            self.hub.sent += len(body[:stop])
        if stop is not None:
            self.close_connection = True


def _revision(parts: list[str]) -> tuple[str, str]:
    """Split `refs/convert/parquet/a/b` or `main/a/b` into revision and path."""
    length = 3 if parts[:2] == ["refs", "convert"] else 1
    return "/".join(parts[:length]) or "main", "/".join(parts[length:])


def _entries(files: dict[str, bytes], inside: str, recursive: bool) -> list[dict[str, Any]]:
    """The files and folders below a folder, as the hub lists them."""
    prefix = f"{inside}/" if inside else ""
    entries: dict[str, dict[str, Any]] = {}
    for path, content in files.items():
        if not path.startswith(prefix):
            continue
        parts = path.removeprefix(prefix).split("/")
        for depth in range(1, len(parts)):
            folder = prefix + "/".join(parts[:depth])
            entries.setdefault(folder, {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder})
        oid = hashlib.sha1(content).hexdigest()
        entries[path] = {"type": "file", "oid": oid, "size": len(content), "path": path}
    return [entry for entry in entries.values() if recursive or "/" not in entry["path"].removeprefix(prefix)]


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve until the block ends; yields the address."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        hub.stopped.set()
        server.shutdown()
        server.server_close()
