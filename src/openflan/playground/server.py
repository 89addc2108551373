"""The page and its HTTP interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from openflan.errors import MissingRowsError, OpenflanError, UnknownNameError
from openflan.evaluation.results import ResultsError
from openflan.playground import answers, openai
from openflan.playground.gallery import read_gallery
from openflan.playground.guard import Guard, told
from openflan.playground.models import AT_ONCE
from openflan.playground.opening import Opened
from openflan.playground.requests import Asked, BadRequestError, Generate, Rank, read_request
from openflan.playground.rows import CatalogRows, Mistakes
from openflan.playground.streams import streamed
from openflan.playground.turns import BusyError
from openflan.playground.workshop import Workshop, WorkshopRequest

_STATIC = Path(__file__).parent / "static"
_SPARE_THREADS = 24
"""Threads beside those that wait for models: for rows, files and the workshop."""

_NOT_FOUND = (UnknownNameError, MissingRowsError, ResultsError)


@dataclass(frozen=True)
class Playground:
    """What the page shows: models, rows, the runs' mistakes and the workshop."""

    models: Opened
    rows: CatalogRows
    mistakes: Mistakes
    workshop: Workshop

    async def list_models(self, request: Request) -> Response:
        """Every model, and what is beside them."""
        listed = [answers.about(model) for model in self.models.models.values()]
        return JSONResponse({"models": listed, "evaluations": self.mistakes.evaluations})

    async def generate(self, request: Request) -> Response:
        """Written answers; a line of JSON per event with `stream`."""
        asked = read_request(Generate, await request.body())
        events = answers.written(self.models[asked.model], asked)
        if asked.stream:
            return StreamingResponse(streamed(answers.event_lines(events)), media_type="application/x-ndjson")
        done = await run_in_threadpool(list, events)
        ended = [{key: value for key, value in one.items() if key != "event"} for one in done if one["event"] == "end"]
        return JSONResponse({"model": asked.model, "prompt": asked.text, "answers": ended})

    async def rank(self, request: Request) -> Response:
        """The options, ranked."""
        asked = read_request(Rank, await request.body())
        return JSONResponse(await run_in_threadpool(answers.ranked, self.models[asked.model], asked))

    async def prompt(self, request: Request) -> Response:
        """The prompt exactly as a model gets it."""
        asked = read_request(Asked, await request.body())
        shown = await run_in_threadpool(self.models[asked.model].show, asked.text)
        return JSONResponse(answers.shown(shown))

    async def catalog(self, request: Request) -> Response:
        """Clusters, datasets, templates."""
        return JSONResponse(await run_in_threadpool(self.rows.tree))

    async def row(self, request: Request) -> Response:
        """A row of a dataset in the words of a template."""
        asked = request.query_params
        found = await run_in_threadpool(
            self.rows.prompt, asked.get("dataset", ""), _number(request, "template"), _number(request, "row"),
            setting=asked.get("setting", "options"),
        )  # fmt: skip
        return JSONResponse(found)

    async def wrong(self, request: Request) -> Response:
        """Prompts that an evaluation got wrong."""
        asked = request.query_params
        page = await run_in_threadpool(
            self.mistakes.page, asked.get("evaluation", ""), asked.get("dataset", ""), _number(request, "start")
        )
        return JSONResponse(page)

    async def gallery(self, request: Request) -> Response:
        """The kinds of example that people try."""
        return JSONResponse(read_gallery())

    async def templates(self, request: Request) -> Response:
        """A card's templates as they are written."""
        return JSONResponse(await run_in_threadpool(self.workshop.templates, request.query_params.get("dataset", "")))

    async def try_templates(self, request: Request) -> Response:
        """Templates on rows, and what the linter says."""
        asked = read_request(WorkshopRequest, await request.body())
        return JSONResponse(await run_in_threadpool(self.workshop.attempt, asked))

    async def save_card(self, request: Request) -> Response:
        """Save templates as a card."""
        asked = read_request(WorkshopRequest, await request.body())
        return JSONResponse(await run_in_threadpool(self.workshop.save, asked))


def make_app(playground: Playground, *, hosts: Sequence[str] = (), token: str = "") -> Starlette:
    """The page for `hosts` (any when empty), with the `token` where there is one."""
    here = playground

    async def index(request: Request) -> Response:
        return FileResponse(_STATIC / "index.html")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        threads = AT_ONCE * len(here.models.models) + _SPARE_THREADS
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        yield
        here.workshop.close()

    completions = openai.Completions(here.models)
    routes = [
        Route("/", index),
        Route("/api/models", here.list_models),
        Route("/api/generate", here.generate, methods=["POST"]),
        Route("/api/rank", here.rank, methods=["POST"]),
        Route("/api/prompt", here.prompt, methods=["POST"]),
        Route("/api/catalog", here.catalog),
        Route("/api/row", here.row),
        Route("/api/wrong", here.wrong),
        Route("/api/gallery", here.gallery),
        Route("/api/templates", here.templates),
        Route("/api/workshop", here.try_templates, methods=["POST"]),
        Route("/api/workshop/save", here.save_card, methods=["POST"]),
        Route("/v1/models", completions.list_models),
        Route("/v1/completions", completions.complete, methods=["POST"]),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
        exception_handlers={OpenflanError: _fault, HTTPException: _http_fault, Exception: _surprise},
        lifespan=lifespan,
    )


def _number(request: Request, name: str) -> int:
    given = request.query_params.get(name, "0")
    if not given.isdecimal() or len(given) > 9:
        raise BadRequestError(f"{name}: {given[:20]!r} is no whole number")
    return int(given)


async def _fault(request: Request, error: Exception) -> Response:
    status = 503 if isinstance(error, BusyError) else 404 if isinstance(error, _NOT_FOUND) else 400
    return told(status, str(error))


async def _http_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return told(error.status_code, f"{error.detail}: {request.method} {request.url.path}")


async def _surprise(request: Request, error: Exception) -> Response:
    return told(500, f"something went wrong in openflan: {type(error).__name__}: {error}")
