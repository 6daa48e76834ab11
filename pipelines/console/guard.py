"""Who may do what, checked before any route is reached: no page can forget it. And the headers of every answer.

Whatever is not PUBLIC asks for a session; `/metrics` takes the console's token instead, as Prometheus brings it.
Whatever is no GET or HEAD asks for the session's CSRF token, in the form or in the header `X-CSRF-Token`, and must not
come from another site; its body is read here, bounded, and handed on as a form. Logging in has no session yet: it is
proved by the token itself, and by coming from this site.
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response

from pipelines.serve.answer_headers import with_headers
from pipelines.serve.watched import HEALTH, METRICS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pipelines.console.console import Console
    from pipelines.console.sessions import Session

PUBLIC: Final = HEALTH | {"/login", "/static/console.css", "/static/console.js", "/static/icon.svg"}
READING: Final = frozenset({"GET", "HEAD"})
FORM: Final = "application/x-www-form-urlencoded"
MOST_BODY: Final = 64 << 10
MOST_FIELDS: Final = 200
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets a request through to `app`, or answers 303 (to the login), 401, 403 or 413."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app = app
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP is not served."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        cookie = cookie_of(headers, self._console.cookie)
        session = self._console.sessions.find(cookie) if cookie else None
        scope["state"] = {**scope.get("state", {}), "session": session, "cookie": cookie, "form": {}}
        refusal: Response | None = None
        if session is None and scope["path"] not in PUBLIC and not self._may_watch(scope, headers):
            refusal = _ask_to_log_in(scope, headers)
        elif scope["method"] not in READING:
            refusal = _foreign(headers)
            if refusal is None:
                body = await _body(receive)
                receive = _again(body or b"", receive)
                form = _form(headers, body or b"")
                refusal = _too_much() if body is None else _without_csrf(scope, session, headers, form)
                scope["state"]["form"] = form
        await (refusal or self._app)(scope, receive, with_headers(send, HEADERS))

    def _may_watch(self, scope: Scope, headers: Headers) -> bool:
        if scope["path"] != METRICS or scope["method"] not in READING:
            return False
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode(), self._console.token.reveal().encode()
        )


def cookie_of(headers: Headers, name: str) -> str:
    """Return a cookie's value; empty for none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")[:8192]).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _ask_to_log_in(scope: Scope, headers: Headers) -> Response:
    if scope["method"] in READING and "text/html" in headers.get("accept", ""):
        query = scope["query_string"].decode("latin-1")
        wanted = scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(f"/login?next={quote(wanted[:2000], safe='')}", 303)
    return JSONResponse({"error": "expected a session: log in at /login"}, 401)


def _foreign(headers: Headers) -> Response | None:
    """Refuse what a page of another site sends; browsers say so themselves, in one header or the other."""
    origin = headers.get("origin")
    here = headers.get("host", "")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != here
    ):
        return JSONResponse({"error": "expected a request from the console's own pages, got one from elsewhere"}, 403)
    return None


def _without_csrf(scope: Scope, session: Session | None, headers: Headers, form: dict[str, str]) -> Response | None:
    if scope["path"] == "/login":
        return None
    given = headers.get("x-csrf-token") or form.get("csrf", "")
    if session is not None and hmac.compare_digest(given.encode(), session.csrf.encode()):
        return None
    return JSONResponse({"error": "expected the page's own CSRF token: load the page again, then try once more"}, 403)


def _too_much() -> Response:
    return JSONResponse({"error": f"expected a body of at most {MOST_BODY} bytes, got more"}, 413)


async def _body(receive: Receive) -> bytes | None:
    """Return the body; None for one that is too long."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MOST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _form(headers: Headers, body: bytes) -> dict[str, str]:
    """Return a form's fields, the last one of each name; none for a body that is no form."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return {}
    try:
        pairs = parse_qsl(
            body.decode("ascii", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return {}
    return dict(pairs)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to whoever reads it next."""
    given = False

    async def read() -> Any:  # noqa: ANN401 - an ASGI message
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read
