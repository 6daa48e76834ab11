"""The devices: those that were heard of lately or that the registry names, the ones in trouble first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.responses import Response
from starlette.routing import Route

from pipelines.bad_input import BadInput
from pipelines.console.answer import console_of, in_thread, show
from pipelines.console.heard_devices import Heard, HeardDevices
from pipelines.console.page import Page
from pipelines.serve.board import Board, Filter
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from starlette.requests import Request

    from pipelines.console.console import Console

ON_A_PAGE: Final = 100
CHOICES: Final = (("all", "all"), ("alerts", "with open alerts"), ("unplaced", "not in the registry"))
KINDS_SHOWN: Final = (("log", "Logs"), ("message", "Messages"), ("alarm", "Alarms"), ("telemetry", "Readings"))


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device of the list: what was heard of it, and its open alerts with the worst one's severity."""

    device_id: str
    place: Mapping[str, Any]
    counts: Mapping[str, int]
    last: str
    alerts: int
    worst: str


def heard_devices(request: Request) -> HeardDevices:
    """Return the one that follows the devices for this console."""
    state = request.app.state
    if not hasattr(state, "heard_devices"):
        state.heard_devices = HeardDevices()
    return cast(HeardDevices, state.heard_devices)


async def devices(request: Request) -> Response:
    """GET /devices?q=WORDS&which=all|alerts|unplaced&page=N."""
    console, query = console_of(request), request.query_params
    words, which = query.get("q", "").strip()[:200], query.get("which", "all")
    if which not in dict(CHOICES):
        raise BadInput(f"expected which to be one of {', '.join(dict(CHOICES))}, got {which!r}")
    page = query.get("page", "1")
    if not page.isdecimal() or not 1 <= int(page[:6]) <= 10_000:
        raise BadInput(f"expected a page from 1 to 10000, got {page!r}")
    heard = heard_devices(request)
    rows, total = await in_thread(_rows, console, heard, words, which, int(page))
    return await show(
        request,
        "devices.html",
        title="Devices",
        rows=rows,
        total=total,
        page=int(page),
        pages=max(1, -(-total // ON_A_PAGE)),
        filters={"q": words, "which": which},
        choices=CHOICES,
        kinds=KINDS_SHOWN,
        behind=heard.behind,
    )


def _rows(console: Console, heard: HeardDevices, words: str, which: str, page: int) -> tuple[list[DeviceRow], int]:
    """Return the rows of one page, and how many there are on all."""
    alerts = open_by_device(console.boards.alerts)
    wanted = words.casefold().split()
    chosen = [
        one
        for one in heard.look(console.broker)
        if _is_of(one, which, alerts) and all(word in one.words for word in wanted)
    ]
    nothing = (0, "")
    chosen.sort(key=lambda one: (_rank(alerts.get(one.device_id, nothing)[1]), one.device_id))
    shown = chosen[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    return [_row(one, alerts.get(one.device_id, nothing)) for one in shown], len(chosen)


def _is_of(device: Heard, which: str, alerts: Mapping[str, tuple[int, str]]) -> bool:
    return which == "all" or (device.device_id in alerts if which == "alerts" else not device.place.get("site"))


def open_by_device(board: Board) -> dict[str, tuple[int, str]]:
    """Return of each device with open alerts how many there are, and the severity of the worst."""
    found: dict[str, tuple[int, str]] = {}
    for posted in board.find(Filter()):
        device = posted.alert.labels.get("device_id", "")
        count, worst = found.get(device, (0, posted.alert.severity))
        found[device] = count + 1, min(worst, posted.alert.severity, key=_rank)
    return found


def _row(device: Heard, alerts: tuple[int, str]) -> DeviceRow:
    return DeviceRow(device.device_id, device.place, dict(device.counts), device.last, *alerts)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


PAGE = Page(
    routes=[Route("/devices", devices)],
    title="Devices",
    path="/devices",
    chinese={
        "Devices": "设备",
        "{n} device": "{n} 台设备",
        "{n} devices": "{n} 台设备",
        "Those that were heard of lately, or that the registry names.": (
            "近期有消息的设备，以及设备注册表中登记的设备。"
        ),
        "Still reading; there may be more.": "仍在读取，可能还有更多。",
        "Search": "搜索",
        "name, site, room or type": "名称、站点、房间或类型",
        "Which": "范围",
        "all": "全部",
        "with open alerts": "有未恢复的告警",
        "not in the registry": "未登记",
        "Place": "位置",
        "Type": "类型",
        "Open alerts": "未恢复的告警",
        "Logs": "日志",
        "Messages": "消息",
        "Alarms": "告警信号",
        "Readings": "读数",
        "Last heard": "最近消息",
        "No device is like that.": "没有符合条件的设备。",
        "No device was heard of yet.": "尚未收到任何设备的消息。",
    },
)
