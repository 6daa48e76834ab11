"""One incident: what it is, all its evidence on one time axis, what is like it, and what a person does about it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import re2
from starlette.responses import Response
from starlette.routing import Route

from infra.broker import Broker
from pipelines.alert_actions import write_action
from pipelines.bad_input import BadInput
from pipelines.console.answer import NotFound, console_of, form_of, go_to, in_thread, say, session_of, show
from pipelines.console.chinese_incident import CHINESE
from pipelines.console.events_near import event_us
from pipelines.console.evidence_lanes import lanes_of
from pipelines.console.incident_board import Known
from pipelines.console.incident_evidence import in_groups, incident_evidence
from pipelines.console.page import Page
from pipelines.console.readings_near import plots_of
from pipelines.console.silence_form import silence_as_asked
from pipelines.console.similar_incidents import similar_to
from pipelines.console.time_axis import axis_around
from pipelines.serve.board import Posted
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.matcher import MOST_CHARACTERS, Matcher

if TYPE_CHECKING:
    from starlette.requests import Request

    from pipelines.console.console import Console

LENGTHS: Final = ("30m", "2h", "8h", "1d")


async def incident(request: Request) -> Response:
    """GET /incidents/ID."""
    console, known = _asked(request)
    values = await in_thread(_told, console, known)
    return await show(request, "incident.html", title="Incident", lengths=LENGTHS, **values)


async def acknowledge(request: Request) -> Response:
    """POST /incidents/ID/acknowledge with `text`: each of its open alerts that nobody has acknowledged."""
    console, known = _asked(request)
    form, by = form_of(request), session_of(request).name
    waiting = await in_thread(_unacknowledged, console, known)
    await in_thread(console.write, _acknowledge, waiting, by, form.get("text", ""), time.time_ns() // 1000)
    await in_thread(console.settle, ALERTS_ACTIONS.name)
    say(request, "Acknowledged: {n}", n=len(waiting))
    return go_to(f"/incidents/{known.incident_id}")


async def silence(request: Request) -> Response:
    """POST /incidents/ID/silence with `for` and `text`: whatever its devices raise."""
    _, known = _asked(request)
    matcher = device_matcher(known.devices)
    if matcher is None:
        raise BadInput("expected an incident of fewer devices, got more than one silence can name")
    length = await silence_as_asked(request, [matcher])
    say(request, "Nobody is told of such alerts for {length}. The silence is in the list of silences.", length=length)
    return go_to(f"/incidents/{known.incident_id}")


def device_matcher(devices: tuple[str, ...]) -> str | None:
    """Return a matcher for the alerts of these devices; None where it would be too long."""
    if len(devices) == 1:
        return str(Matcher("device_id", "=", devices[0]))
    text = str(Matcher("device_id", "=~", "|".join(re2.escape(one) for one in devices)))
    return text if len(text) <= MOST_CHARACTERS else None


def _asked(request: Request) -> tuple[Console, Known]:
    console = console_of(request)
    known = console.boards.incidents.find(request.path_params["incident_id"])
    if known is None:
        raise NotFound("there is no such incident, or it was over long ago")
    return console, known


def _unacknowledged(console: Console, known: Known) -> list[Posted]:
    board = console.boards.alerts
    found = (board.alert_of_id(one) for one in known.alert_ids)
    firing = (one for one in found if one is not None and one.alert.firing)
    return [one for one in firing if board.standing(one).acknowledged_at is None]


def _acknowledge(broker: Broker, waiting: list[Posted], by: str, text: str, now_us: int) -> None:
    for one in waiting:
        names = {"fingerprint": one.alert.fingerprint, "alert_id": one.alert.alert_id}
        write_action(broker, names, "acknowledge", by=by, text=text, now_us=now_us)


def _told(console: Console, known: Known) -> dict[str, Any]:
    boards, event = console.boards, known.json()
    found = incident_evidence(console.broker, boards.alerts, event)
    moments = [(name, event_us({"event_time": event.get(f"{name}_at")})) for name in ("started", "opened", "resolved")]
    times = [at for one in found.all if (at := event_us({"event_time": one.when})) is not None]
    times += [at for _, at in moments[:2] if at is not None]
    axis = axis_around(min(times), max(times))
    shown = [(name, at) for name, at in moments if at is not None and at <= axis.until_us]
    return {
        "incident": event,
        "lanes": lanes_of(found.all, known.devices, shown, axis),
        "plots": plots_of(console.broker, found.all, axis),
        "groups": in_groups(found.timeline),
        "listed": len(found.timeline),
        "alerts": found.alerts,
        "waiting": len(_unacknowledged(console, known)),
        "similar": similar_to(known, boards.incidents.all()),
        "can_silence": device_matcher(known.devices) is not None,
    }


PAGE = Page(
    routes=[
        Route("/incidents/{incident_id}", incident),
        Route("/incidents/{incident_id}/acknowledge", acknowledge, methods=["POST"]),
        Route("/incidents/{incident_id}/silence", silence, methods=["POST"]),
    ],
    chinese=CHINESE,
)
