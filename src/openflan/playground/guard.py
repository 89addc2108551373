"""Who may ask a playground, and how much at once.

A page that listens on this machine alone can still be reached from the person's browser by any website, so hosts and
origins are checked; when it is opened to others, everybody needs the token.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 4 * 1024 * 1024
"""Bytes of a request, at most."""

_HEARD_OUT = 16 * LARGEST

COOKIE = "openflan_token"

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets requests through that come to one of `hosts` (any when empty), with the `token` where there is one."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] = (), token: str = "") -> None:
        self._app, self._hosts, self._token = app, frozenset(hosts), token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a sentence, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        response = self._welcome(scope) or self._refusal(scope, headers)
        if response is None:
            try:
                body = await _whole(receive, int(headers.get("content-length") or 0))
            except ValueError:
                response = told(
                    413, f"the request is over the limit of {LARGEST // 2**20} MiB; ask with a shorter text"
                )
            else:
                receive = _replayed(body, receive)
        await (response or self._app)(scope, receive, _with_headers(send))

    def _welcome(self, scope: Scope) -> Response | None:
        """The link with the token leaves a cookie and leads to the page, so that the token stays in no address."""
        given = QueryParams(scope["query_string"]).get("token", "")
        if scope["path"] != "/" or not self._token or not _same(given, self._token):
            return None
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return response

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._hosts and host not in self._hosts:
            return told(421, f"this page is not served as {host!r}; use the address that openflan printed")
        origin = headers.get("origin")
        if origin and origin != "null" and urlsplit(origin).netloc != headers.get("host"):
            return told(403, "requests from other websites are refused")
        if scope["method"] == "POST" and not headers.get("content-type", "").startswith("application/json"):
            return told(415, "send JSON, with the header Content-Type: application/json")
        if self._token and not self._has_token(headers):
            return told(401, "this page needs its token: open the link that openflan printed, or send it as "
                             "Authorization: Bearer TOKEN")  # fmt: skip
        return None

    def _has_token(self, headers: Headers) -> bool:
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return _same(cookie, self._token) or _same(bearer, self._token)


def told(status: int, message: str) -> JSONResponse:
    """An error as a sentence, in the shape that clients of OpenAI's interface read too."""
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error", "code": status}}, status)


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


async def _whole(receive: Receive, announced: int) -> bytes:
    """The body of a request; raises `ValueError` for one that is too large.

    One that is not far too large is heard out first, since a client that is cut off never hears why.
    """
    body, heard, more = bytearray(), 0, announced <= _HEARD_OUT
    while more:
        message = await receive()
        part = message.get("body", b"")
        heard += len(part)
        if heard <= LARGEST:
            body += part
        more = message.get("more_body", False) and heard <= _HEARD_OUT
    if max(heard, announced) > LARGEST:
        raise ValueError(heard)
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What hands out the body once, and then whatever comes: that the client has gone."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return sending
