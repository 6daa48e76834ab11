"""One alert: how it went, what it rests on, why it was raised, and what a person does about it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from operators.alert_rule_words import ends_in_words, fires_in_words, reads_in_words
from operators.words import Say
from pipelines.alert_actions import write_action
from pipelines.bad_input import BadInput
from pipelines.console.alert_story import earlier_episodes, turns_of
from pipelines.console.answer import (
    NotFound,
    console_of,
    form_of,
    go_to,
    in_thread,
    say,
    session_of,
    show,
    translation_of,
)
from pipelines.console.chinese_alert import CHINESE
from pipelines.console.evidence import evidence_of, first_moment, lines_before
from pipelines.console.incident_evidence import in_groups
from pipelines.console.page import Page
from pipelines.console.readings_near import plots_of
from pipelines.console.silence_form import silence_as_asked
from pipelines.notify.alert import safe_labels
from pipelines.serve.board import Posted
from schemas.alert_actions import ALERT_ACTIONS, ALERTS_ACTIONS
from schemas.alert_feedback import VERDICTS
from schemas.matcher import Matcher

if TYPE_CHECKING:
    from starlette.requests import Request

    from pipelines.console.console import Console

LENGTHS: Final = ("30m", "2h", "8h", "1d", "7d")
USUAL: Final = ("alertname", "device_id")
"""The labels that a silence is usually about."""


async def alert(request: Request) -> Response:
    """GET /alerts/FINGERPRINT."""
    console, posted = _asked(request)
    values = await in_thread(_told, console, posted, translation_of(request).say)
    return await show(request, "alert.html", title="Alert", lengths=LENGTHS, usual=USUAL, **values)


async def act(request: Request) -> Response:
    """POST /alerts/FINGERPRINT/acknowledge, unacknowledge, comment, wrong or right; `text`, `should_be`, `back`."""
    console, posted = _asked(request)
    form, action = form_of(request), request.path_params["action"]
    if action not in ALERT_ACTIONS:
        raise NotFound(f"expected one of {', '.join(ALERT_ACTIONS)}")
    whole = orjson.loads(posted.event)
    write = partial(
        write_action,
        by=session_of(request).name,
        text=form.get("text", ""),
        should_be=form.get("should_be", ""),
        now_us=time.time_ns() // 1000,
    )
    await in_thread(console.write, write, whole, action)
    await in_thread(console.settle, ALERTS_ACTIONS.name)
    if action in VERDICTS:
        say(request, "Thank you; it is kept for the next training.")
    return go_to(form.get("back") or f"/alerts/{posted.alert.fingerprint}")


async def silence(request: Request) -> Response:
    """POST /alerts/FINGERPRINT/silence with `for`, `text`, and a field `label.NAME` for each label to match."""
    _, posted = _asked(request)
    labels, form = posted.alert.labels, form_of(request)
    matchers = [str(Matcher(name, "=", labels[name])) for name in labels if f"label.{name}" in form]
    if not matchers:
        raise BadInput("expected at least one label that the silence is about, got none")
    length = await silence_as_asked(request, matchers)
    say(request, "Nobody is told of such alerts for {length}. The silence is in the list of silences.", length=length)
    return go_to(f"/alerts/{posted.alert.fingerprint}")


def _asked(request: Request) -> tuple[Console, Posted]:
    console = console_of(request)
    found = console.boards.alerts.alert(request.path_params["fingerprint"])
    if found is None:
        raise NotFound("there is no such alert, or it was over long ago")
    return console, found


def _told(console: Console, posted: Posted, t: Say) -> dict[str, Any]:
    boards, now_us = console.boards, time.time_ns() // 1000
    event: dict[str, Any] = orjson.loads(boards.alerts.json(posted))
    steps = boards.alerts.steps(posted.alert.fingerprint)
    device, began_us = str(event.get("device_id")), first_moment(event)
    is_log = any(one.get("kind") == "log" for one in event.get("evidence") or ())
    before = lines_before(console.broker, device, began_us) if is_log and began_us is not None else None
    evidence = evidence_of(event, before)
    rule = next((one for one in console.rules.rules if one.name == event.get("rule")), None)
    return {
        "alert": event,
        "labels": safe_labels(posted.alert.labels),
        "turns": turns_of(event, steps, boards.alerts.deeds(posted)),
        "episodes": earlier_episodes(event, steps),
        "groups": in_groups(evidence),
        "left_out": max(0, (event.get("count") or 0) - len(evidence)),
        "plots": plots_of(console.broker, evidence),
        "incident": boards.incidents.of_alert(posted.alert.alert_id),
        "silences": [one for one in boards.silences.active(now_us) if one.covers(posted.alert.labels, now_us)],
        "rule": rule,
        "rule_words": ()
        if rule is None
        else (reads_in_words(rule, t), fires_in_words(rule, t), ends_in_words(rule, t)),
    }


PAGE = Page(
    routes=[
        Route("/alerts/{fingerprint}", alert),
        Route("/alerts/{fingerprint}/silence", silence, methods=["POST"]),
        Route("/alerts/{fingerprint}/{action}", act, methods=["POST"]),
    ],
    chinese=CHINESE,
)
