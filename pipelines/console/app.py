"""The console as an application: its pages behind the guard. Made by `make_console`; nothing at import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.broker import BrokerUnavailable
from pipelines.bad_input import BadInput
from pipelines.console.answer import NotFound, show
from pipelines.console.chinese import CHINESE
from pipelines.console.console import Console
from pipelines.console.guard import Guard
from pipelines.console.pages import PAGES
from pipelines.console.templating import Templates
from pipelines.duration import WrongDuration
from pipelines.serve.watched import ROUTES, Watched
from pipelines.words import labels, languages
from pipelines.words.translation import LANGUAGES, Translation
from schemas.matcher import WrongMatcher

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

STATIC: Final = Path(__file__).parent / "static"
STATIC_FILES: Final = ("console.css", "console.js", "icon.svg")


def make_console(console: Console) -> ASGIApp:
    """Return the application, guarded."""
    app = _application(console)
    watched = app.state.watched = Watched(console.follower)
    return watched.counting(Guard(app, console), routes())


def routes() -> list[BaseRoute]:
    """Return every route of the console."""
    fixed: list[BaseRoute] = [Route(f"/static/{name}", _static, name=name) for name in STATIC_FILES]
    return [Route("/", _first), *fixed, *ROUTES, *(route for page in PAGES for route in page.routes)]


def words_of(language: str) -> dict[str, str]:
    """Return all that the pages say in a language, by the English text."""
    if language == "en":
        return dict(labels.ENGLISH)
    found = {**languages.CHINESE, **CHINESE}
    for page in PAGES:
        found.update(page.chinese)
    return found


def _application(console: Console) -> Starlette:
    problems: dict[Any, Any] = {
        NotFound: _not_found,
        HTTPException: _refused,
        BrokerUnavailable: _away,
        Exception: _broken,
        **dict.fromkeys((BadInput, WrongMatcher, WrongDuration), _wrong),
    }
    app = Starlette(routes=routes(), exception_handlers=problems)
    app.state.console = console
    app.state.templates = Templates(PAGES)
    app.state.translations = {name: Translation(name, words_of(name)) for name in LANGUAGES}
    return app


async def _first(request: Request) -> Response:
    return RedirectResponse("/alerts", 303)


async def _static(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})


async def _wrong(request: Request, error: Exception) -> Response:
    return await show(request, "problem.html", title="That cannot be done", status=400, problem=str(error))


async def _not_found(request: Request, error: Exception) -> Response:
    return await show(request, "problem.html", title="Not found", status=404, problem=str(error))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = "Not found" if error.status_code == 404 else "That cannot be done"
    return await show(request, "problem.html", title=title, status=error.status_code, problem="")


async def _away(request: Request, error: Exception) -> Response:
    sentence = "the broker cannot be reached or written just now; try again in a moment"
    return await show(request, "problem.html", title="Nobody answers", status=503, problem=sentence)


async def _broken(request: Request, error: Exception) -> Response:
    """Say that it is our fault; Starlette logs the error itself, and raises it again for the server."""
    sentence = "this is a bug of the console; its log says more"
    return await show(request, "problem.html", title="Something broke", status=500, problem=sentence)
