"""The list of incidents: the open ones first, the worst first, then those that are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from pipelines.bad_input import BadInput
from pipelines.console.answer import console_of, in_thread, show
from pipelines.console.incident_board import Known
from pipelines.console.page import Page
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from starlette.requests import Request

ON_A_PAGE: Final = 50
STATES: Final = ("open", "all")


async def incidents(request: Request) -> Response:
    """GET /incidents?q=TEXT&severity=S&state=open|all&page=N."""
    query = request.query_params
    text, least = query.get("q", "").strip()[:200], query.get("severity", "")
    state, page = query.get("state") or "open", query.get("page") or "1"
    if least and least not in SEVERITIES:
        raise BadInput(f"expected severity to be one of {', '.join(SEVERITIES)}, got {least[:40]!r}")
    if state not in STATES:
        raise BadInput(f"expected state to be one of {', '.join(STATES)}, got {state[:40]!r}")
    if not page.isdecimal() or not 1 <= int(page[:9]) <= 1000:
        raise BadInput(f"expected a page from 1 to 1000, got {page[:40]!r}")
    known = await in_thread(console_of(request).boards.incidents.all)
    found = [one for one in known if _takes(one, text.casefold(), least, state)]
    first = (int(page) - 1) * ON_A_PAGE
    return await show(
        request,
        "incidents.html",
        title="Incidents",
        rows=[(one, one.json()) for one in found[first : first + ON_A_PAGE]],
        total=len(found),
        over=_over(known) if state == "open" else 0,
        page=int(page),
        pages=max(1, -(-len(found) // ON_A_PAGE)),
        asked={"q": text, "severity": least, "state": "" if state == "open" else state},
        state=state,
        severities=[one for one in SEVERITIES if one != "cleared"],
    )


def _takes(known: Known, text: str, least: str, state: str) -> bool:
    if state == "open" and not known.is_open:
        return False
    if least and known.rank > SEVERITIES.index(least):
        return False
    words = (known.site, known.cause, known.category, *known.devices)
    return not text or any(text in one.casefold() for one in words)


def _over(known: Sequence[Known]) -> int:
    return sum(not one.is_open for one in known)


PAGE = Page(
    routes=[Route("/incidents", incidents)],
    title="Incidents",
    path="/incidents",
    chinese={
        "Incidents": "事故",
        "{n} open incident": "{n} 起未恢复的事故",
        "{n} open incidents": "{n} 起未恢复的事故",
        "{n} incident": "{n} 起事故",
        "{n} incidents": "{n} 起事故",
        "Site": "站点",
        "Probable cause": "可能原因",
        "Devices": "设备",
        "{n} device": "{n} 台设备",
        "{n} devices": "{n} 台设备",
        "State": "状态",
        "those that are over, too": "包括已恢复的",
        "No open incident.": "没有未恢复的事故。",
        "No incident is like that.": "没有符合条件的事故。",
        "Incidents are made by `hubbub run incidents`, beside the job that raises alerts.": (
            "事故由 `hubbub run incidents` 产生，需与产生告警的任务一起运行。"
        ),
        "Show the {n} that is over": "显示已恢复的 {n} 起",
        "Show the {n} that are over": "显示已恢复的 {n} 起",
        "{category} trouble: {cause}": "{category}问题：{cause}",
    },
)
