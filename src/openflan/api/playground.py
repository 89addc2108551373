"""Talking to models: the page, and single questions."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.api.progress import bar, fetch_model
from openflan.errors import OpenflanError

if TYPE_CHECKING:
    from openflan.playground.models import PlayModel
    from openflan.playground.opening import Opened

_GRACE = 2
"""Seconds that answers have to end when the server is stopped."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def open_models(places: Sequence[str], *, dtype: str | None = None, silent: bool = False) -> Opened:
    """Models by folder or name, and of run folders the model before and after tuning; raises `ModelError`."""
    from openflan.playground.opening import open_models as open_all
    from openflan.ranges import Dtype

    precision: Dtype | None = dtype  # type: ignore[assignment]
    with bar("loading models", None, silent=silent):
        return open_all(places, lambda name: tuned_or_itself(name, silent=silent), precision)


def tuned_or_itself(model: str, *, silent: bool = False) -> Path:
    """The folder of a model given by path or name; of a run folder, that of its tuned model."""
    from openflan.api.evaluation import tuned_model

    return tuned_model(fetch_model(model, silent=silent))


def open_model(model: str, *, dtype: str | None = None, silent: bool = False) -> PlayModel:
    """One model, ready to be asked in its own format; of a run folder the tuned one. Raises `ModelError`."""
    opened = open_models([str(tuned_or_itself(model, silent=silent))], dtype=dtype, silent=silent)
    return next(iter(opened.models.values()))


def serve(
    places: Sequence[str],
    *,
    dtype: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    source: str = "samples",
    cards: Sequence[Path] = (),
    card_folder: Path = Path("cards"),
    browser: bool = False,
) -> None:
    """Serve the page with models and runs (see `open_models`) until it is stopped.

    Beyond this machine (`host`) it wants a token, made up where none is given. The workshop saves into `card_folder`.
    Raises `OpenflanError` without the extra, or where the port is taken, `RecipeError` for a wrong source, and
    `ModelError`.
    """
    try:
        import uvicorn

        from openflan.playground.server import Playground, make_app
    except ModuleNotFoundError as missing:
        raise OpenflanError(f"the page needs {missing.name}: pip install 'openflan[playground]'") from None
    from openflan.playground.rows import CatalogRows, Mistakes
    from openflan.playground.workshop import Workshop

    local = host in _LOOPBACK
    token = token or ("" if local else secrets.token_urlsafe(24))
    with _listening(host, port) as opened:
        rows, workshop = CatalogRows(source, cards), Workshop(card_folder, source, cards)
        models = open_models(places, dtype=dtype)
        share_processors(len(models.models))
        playground = Playground(models, rows, Mistakes(models.runs), workshop)
        app = make_app(playground, hosts=_LOOPBACK if local else (), token=token)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_GRACE
        )
        address = f"http://{'[::1]' if host == '::1' else host}:{opened.getsockname()[1]}/"
        _announce(address + (f"?token={token}" if token else ""), browser=browser)
        uvicorn.Server(config).run(sockets=[opened])


def share_processors(models: int) -> None:
    """Give each of several models on a CPU its part of the processors, so that they do not wait for each other."""
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(max(1, torch.get_num_threads() // models))


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; raises `OpenflanError` where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OpenflanError(f"cannot listen at {host}, port {port}: {reason}; choose another --port") from None
        yield opened


def _announce(address: str, *, browser: bool) -> None:
    print(f"The playground is at {address}\nCtrl-C ends it.", flush=True)
    if browser:
        webbrowser.open(address)
