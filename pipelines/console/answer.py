"""What every page does: find its console, read in a thread, show a template, go on after a POST."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pipelines.console.console import Console
from pipelines.console.guard import cookie_of
from pipelines.console.sessions import MOST_NOTICES, Session
from pipelines.words.alert_words import AlertWords
from pipelines.words.translation import Translation, language_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from pipelines.console.templating import Templates

_Found = TypeVar("_Found")
_More = ParamSpec("_More")
LANGUAGE_COOKIE = "hubbub_language"
THEME_COOKIE = "hubbub_theme"
LIVE = "x-live"
THEMES = ("auto", "light", "dark")


class NotFound(Exception):
    """What was asked for is not there: a page says so, with status 404."""


def console_of(request: Request) -> Console:
    """Return the console that a request came to."""
    return cast(Console, request.app.state.console)


def session_of(request: Request) -> Session:
    """Return who asks; the guard lets nobody else reach a page."""
    session = request.state.session
    assert isinstance(session, Session), "a page was reached without a session; this is a bug"
    return session


def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a POST; the guard has read and checked it."""
    return cast("dict[str, str]", request.state.form)


async def in_thread(function: Callable[_More, _Found], *arguments: _More.args, **named: _More.kwargs) -> _Found:
    """Call what reads or writes the broker, while other requests go on."""
    return await run_in_threadpool(function, *arguments, **named)


def translation_of(request: Request) -> Translation:
    """Return the language that somebody chose, else the browser's."""
    chosen = cookie_of(request.headers, LANGUAGE_COOKIE)
    language = language_of(chosen, request.headers.get("accept-language", ""))
    return cast("Translation", request.app.state.translations[language])


def words_for(request: Request) -> AlertWords:
    """Return what says alerts in the language of who asks."""
    return AlertWords(console_of(request).rules.rules, translation_of(request))


async def show(request: Request, template: str, *, title: str, status: int = 200, **values: object) -> Response:
    """Answer with a template; `title` is English, and translated here."""
    templates = cast("Templates", request.app.state.templates)
    session = request.state.session
    notices: list[str] = []
    # A page that brings itself up to date does not take the notices of the one that is loaded next.
    if session is not None and LIVE not in request.headers:
        notices, session.notices = session.notices, []
    theme = cookie_of(request.headers, THEME_COOKIE)
    html = await run_in_threadpool(
        templates.render,
        template,
        translation=translation_of(request),
        sentence=words_for(request).sentence,
        title=title,
        session=session,
        notices=notices,
        path=request.url.path,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        theme=theme if theme in THEMES else "auto",
        **values,
    )
    return HTMLResponse(html, status)


def say(request: Request, english: str, **values: object) -> None:
    """Have a sentence shown on the next page."""
    session = session_of(request)
    session.notices = [*session.notices, translation_of(request).say(english, **values)][-MOST_NOTICES:]


def go_to(path: str) -> Response:
    """Go on to a page of the console after a POST; anything else leads to the first page."""
    return RedirectResponse(own_path(path), 303)


def own_path(path: str) -> str:
    """Return a path of this console as it came; `/` for what leads elsewhere, whatever it is disguised as."""
    plain = path.isascii() and path.isprintable() and "\\" not in path and len(path) <= 4000
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
