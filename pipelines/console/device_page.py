"""One device: its open alerts, its metrics over time with the expected range, its last events of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from pipelines.console.answer import NotFound, console_of, in_thread, show
from pipelines.console.device_events import last_events
from pipelines.console.devices_page import heard_devices
from pipelines.console.heard_devices import KINDS, HeardDevices
from pipelines.console.page import Page
from pipelines.console.telemetry_plot import Plot, plot_of, readings_of
from pipelines.serve.board import Filter

if TYPE_CHECKING:
    from starlette.requests import Request

    from pipelines.console.console import Console

MOST_EVENTS: Final = 20
MOST_READINGS: Final = 3_000
MOST_PLOTS: Final = 8
MOST_ALERTS: Final = 50
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeviceLook:
    """What is shown of one device; events are the newest first."""

    place: Mapping[str, Any]
    counts: Mapping[str, int]
    alerts: Sequence[Event]
    plots: Sequence[Plot]
    logs: Sequence[Event]
    messages: Sequence[Event]
    alarms: Sequence[Event]
    readings: Sequence[Event]


async def device(request: Request) -> Response:
    """GET /devices/DEVICE."""
    device_id = request.path_params["device_id"]
    look = await in_thread(look_at, console_of(request), heard_devices(request), device_id)
    if look is None:
        raise NotFound("nothing was heard of this device lately")
    return await show(request, "device.html", title="Device", device_id=device_id, look=look)


def look_at(console: Console, heard: HeardDevices, device_id: str) -> DeviceLook | None:
    """Read what is known of a device; None for one of which nothing is."""
    found = heard.find(console.broker, device_id)
    posted = console.boards.alerts.find(Filter(frozenset([device_id])))[:MOST_ALERTS]
    events = {
        kind: last_events(console.broker, topic, device_id, MOST_READINGS if kind == "telemetry" else MOST_EVENTS)
        for kind, topic in KINDS.items()
    }
    if found is None and not posted and not any(events.values()):
        return None
    metrics = readings_of(events["telemetry"])
    return DeviceLook(
        place={} if found is None else found.place,
        counts={} if found is None else dict(found.counts),
        alerts=[orjson.loads(console.boards.alerts.json(one)) for one in posted],
        plots=[plot_of(name, *metrics[name]) for name in sorted(metrics)[:MOST_PLOTS]],
        logs=events["log"],
        messages=events["message"],
        alarms=events["alarm"],
        readings=events["telemetry"][:MOST_EVENTS],
    )


PAGE = Page(
    routes=[Route("/devices/{device_id:path}", device)],
    chinese={
        "Device": "设备",
        "nothing was heard of this device lately": "近期没有这台设备的消息",
        "Back to the devices": "返回设备列表",
        "Site": "站点",
        "Room": "房间",
        "Needs": "依赖设备",
        "since {when}": "自 {when} 起",
        "The registry does not name this device.": "设备注册表中没有这台设备。",
        "No alert of this device is open.": "这台设备没有未恢复的告警。",
        "Metrics": "指标",
        "read": "读数",
        "expected": "预期范围",
        "odd": "异常",
        "times in UTC": "时间为 UTC",
        "last": "最新",
        "expected {low} to {high}": "预期 {low} 至 {high}",
        "{metric} from {begin} to {end}: {n} readings between {low} and {high}, {odd} of them odd": (
            "{metric}，{begin} 至 {end}：{n} 个读数，介于 {low} 与 {high} 之间，其中 {odd} 个异常"
        ),
        "The last readings as a table": "最近读数（表格）",
        "Metric": "指标",
        "Value": "值",
        "Expected": "预期",
        "Odd": "异常",
        "When": "时间",
        "Message": "内容",
        "Understood as": "理解为",
        "new": "新",
        "abnormal": "异常",
        "late": "迟到",
        "urgency {label}": "紧迫程度：{label}",
        "Nothing of this kind lately.": "近期没有此类事件。",
        "raise": "发生",
        "clear": "清除",
        "the last {n} of {of}": "{of} 条中的最后 {n} 条",
    },
)
