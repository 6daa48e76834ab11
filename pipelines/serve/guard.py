"""Who may do what: checked before any route is reached, and the headers that every answer carries.

With a token everything asks for it but `/healthz` and `/readyz`; without one only this machine is served, and nothing
can be changed. A page of somebody else's in a browser on this machine cannot read along by pointing its own name at the
loopback: without a token the request must name the loopback itself.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from infra.secret import Secret
from pipelines.serve.answer_headers import with_headers
from pipelines.serve.watched import HEALTH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

READING: Final = frozenset({"GET", "HEAD"})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets a request through to `app`, or answers 401 or 403."""

    def __init__(self, app: ASGIApp, token: Secret | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP is refused."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, with_headers(send, HEADERS))

    def _refusal(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        if self._token is None:
            if _name(headers.get("host", "")) not in LOOPBACK:
                return _refuse(403, "without a token only requests to 127.0.0.1, localhost or [::1] are served")
            if method not in READING:
                return _refuse(
                    403, "nothing can be changed without a token: set HUBBUB_SERVE_TOKEN or serve.token_file"
                )
            return None
        if path in HEALTH and method in READING:
            return None
        given = _given(headers.get("authorization", ""), basic=method in READING)
        if given is not None and hmac.compare_digest(given, self._token.reveal().encode()):
            return None
        refusal = _refuse(401, "expected the header `Authorization: Bearer TOKEN` with the right token")
        refusal.headers["WWW-Authenticate"] = 'Bearer realm="hubbub"'
        if method in READING:  # feed readers know how to ask for a password, and only for that
            refusal.headers.append("WWW-Authenticate", 'Basic realm="hubbub"')
        return refusal


def _given(header: str, *, basic: bool) -> bytes | None:
    """Return the token that a request brings: a bearer's, or for reading also a password."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode()
    if basic and scheme.lower() == "basic":
        try:
            _, colon, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
        except binascii.Error:
            return None
        return password if colon else None
    return None


def _name(host: str) -> str:
    """Return a Host header without its port."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _refuse(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status)
