"""A playground of tiny models: as an object, and served on a port of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from small_models import byte_encoder, small_model_of

from openflan.data.encode import Format
from openflan.evaluation.scoring.model import ModelScorer
from openflan.playground.models import PlayModel
from openflan.playground.opening import Opened
from openflan.playground.rows import CatalogRows, Mistakes
from openflan.playground.server import Playground, make_app
from openflan.playground.workshop import Workshop


def tiny(family: str = "llama", name: str = "tiny", join: str = "newline") -> PlayModel:
    """A small random model of a family to talk to."""
    encoder = byte_encoder(join, input_length=10_000)
    return PlayModel(name, Path("tiny"), Format(join=join), ModelScorer(small_model_of(family), encoder))


def tiny_playground(folder: Path, runs: Sequence[Path] = ()) -> Playground:
    """Two models, the bundled rows, and a workshop that saves into `folder`."""
    models = Opened({"first": tiny(name="first"), "second": tiny("qwen3", "second")}, list(runs))
    return Playground(models, CatalogRows(), Mistakes(runs), Workshop(folder))


@contextmanager
def served(playground: Playground, *, token: str = "") -> Iterator[str]:
    """Serve a playground while the block runs; yields its address."""
    app = make_app(playground, hosts=("127.0.0.1",), token=token)
    # Its own logging would close all handlers, and with the one of absl the stream that tests print to.
    config = uvicorn.Config(app, port=0, log_config=None, log_level="error", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
