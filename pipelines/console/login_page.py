"""Logging in with the console's token and a name, logging out, and how this browser likes to see the console."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pipelines.alert_actions import MOST_NAME
from pipelines.console.answer import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    console_of,
    form_of,
    go_to,
    own_path,
    show,
)
from pipelines.console.page import Page
from pipelines.words.translation import LANGUAGES

if TYPE_CHECKING:
    from starlette.requests import Request

WRONG_TOKEN_S: Final = 0.5
"""How long somebody waits who had the wrong token."""
A_YEAR_S: Final = 365 * 86400


async def login_form(request: Request) -> Response:
    """GET /login?next=PATH."""
    if request.state.session is not None:
        return go_to(request.query_params.get("next", "/"))
    return await _form(request, next_=own_path(request.query_params.get("next", "/")))


async def login(request: Request) -> Response:
    """POST /login: the token proves who may; the name is written down with what that person does."""
    console, form = console_of(request), form_of(request)
    given = form.get("token", "").strip().encode()
    if not hmac.compare_digest(given, console.token.reveal().encode()):
        await asyncio.sleep(WRONG_TOKEN_S)
        return await _form(request, next_=own_path(form.get("next", "/")), wrong=True, status=403)
    answer = RedirectResponse(own_path(form.get("next", "/")), 303)
    cookie = console.sessions.begin(form.get("name", "").strip()[:MOST_NAME] or "somebody")
    answer.set_cookie(
        console.cookie, cookie, httponly=True, samesite="strict", path="/", secure=request.url.scheme == "https"
    )
    return answer


async def logout(request: Request) -> Response:
    """POST /logout: the session ends, here too."""
    console = console_of(request)
    console.sessions.end(request.state.cookie)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(console.cookie, path="/", httponly=True, samesite="strict")
    return answer


async def preferences(request: Request) -> Response:
    """POST /preferences: language and colours, kept by the browser."""
    form = form_of(request)
    answer = go_to(form.get("back", "/"))
    for cookie, value, known in (
        (LANGUAGE_COOKIE, form.get("language"), tuple(LANGUAGES)),
        (THEME_COOKIE, form.get("theme"), THEMES),
    ):
        if value in known:
            answer.set_cookie(cookie, str(value), max_age=A_YEAR_S, httponly=True, samesite="strict", path="/")
    return answer


async def _form(request: Request, *, next_: str, wrong: bool = False, status: int = 200) -> Response:
    name = form_of(request).get("name", "")[:MOST_NAME]
    return await show(request, "login.html", title="Log in", status=status, next=next_, wrong=wrong, name=name)


PAGE = Page(
    routes=[
        Route("/login", login_form, methods=["GET"]),
        Route("/login", login, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/preferences", preferences, methods=["POST"]),
    ],
    chinese={
        "Token": "令牌",
        "Your name": "您的姓名",
        "It is written down with what you do: acknowledge, comment, silence.": (
            "您的操作（确认、评论、静默）会记在这个名字下。"
        ),
        "This is not the token.": "令牌不正确。",
        "`hubbub console` prints it when it starts, or it is what HUBBUB_CONSOLE_TOKEN or console.token_file says.": (
            "`hubbub console` 启动时会打印令牌；也可以是 HUBBUB_CONSOLE_TOKEN 或 console.token_file 中的内容。"
        ),
        "Understand the events of a fleet of devices while they happen": "在事件发生的同时理解设备群的事件",
    },
)
