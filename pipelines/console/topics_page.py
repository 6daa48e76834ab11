"""What flows: the jobs and how far behind they are, the topics and what came lately; one topic with its last events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.responses import Response
from starlette.routing import Route

from infra.broker import Broker
from pipelines.console.answer import NotFound, console_of, in_thread, show
from pipelines.console.chinese_columns import CHINESE_COLUMNS
from pipelines.console.chinese_topics import CHINESE_TOPICS
from pipelines.console.page import Page
from pipelines.console.topic_looks import (
    EarlierLooks,
    GroupLook,
    PartLook,
    TopicLook,
    arrivals,
    group_looks,
    last_arrival,
    last_places,
    part_looks,
    topic_looks,
)
from pipelines.event_lines import line_of
from pipelines.records_in_order import records_in_order
from pipelines.seen_columns import seen_columns
from pipelines.seen_event import see, time_text
from schemas.catalog import TOPICS
from schemas.topic import Topic

if TYPE_CHECKING:
    from starlette.requests import Request

HOUR_US: Final = 3_600_000_000
LAST_OF_EACH: Final = 20
MOST_EVENTS: Final = 30


@dataclass(frozen=True, slots=True)
class TopicPage:
    """One topic: its columns as declared, or as seen; its partitions; who reads it; what came, and when."""

    name: str
    description: str
    compacted: bool
    key: str
    columns: Sequence[Mapping[str, str]]
    declared: bool
    parts: Sequence[PartLook]
    groups: Sequence[GroupLook]
    bars: Sequence[int]
    bars_from: str
    bars_until: str
    lines: Sequence[Mapping[str, Any]]

    @property
    def records(self) -> int:
        """How many records are kept."""
        return sum(one.end - one.first for one in self.parts)

    @property
    def highest(self) -> int:
        """The highest bar, 1 at least."""
        return max(1, *self.bars)


async def topics(request: Request) -> Response:
    """GET /topics."""
    looks, groups = await in_thread(_look, console_of(request).broker, _earlier(request), time.time_ns() // 1000)
    return await show(request, "topics.html", title="Topics", topics=looks, groups=groups)


async def topic(request: Request) -> Response:
    """GET /topics/NAME."""
    name = request.path_params["name"]
    broker = console_of(request).broker
    now_us = time.time_ns() // 1000
    found = await in_thread(_page, broker, _earlier(request), name, now_us)
    if found is None:
        raise NotFound("the broker has no such topic")
    return await show(request, "topic.html", title="Topic", page=found, now_us=now_us)


def _earlier(request: Request) -> EarlierLooks:
    state = request.app.state
    if not hasattr(state, "earlier_looks"):
        state.earlier_looks = EarlierLooks()
    return cast(EarlierLooks, state.earlier_looks)


def _look(broker: Broker, earlier: EarlierLooks, now_us: int) -> tuple[list[TopicLook], list[GroupLook]]:
    return topic_looks(broker, earlier, now_us), group_looks(broker, earlier, now_us)


def _page(broker: Broker, earlier: EarlierLooks, name: str, now_us: int) -> TopicPage | None:
    if name not in broker.topics():
        return None
    declared = TOPICS.get(name)
    parts = part_looks(broker, name)
    until_us = (last_arrival(parts) or now_us) + 1
    # What has been quiet for long is shown as it was when it last spoke.
    until_us = now_us if now_us - until_us < HOUR_US else until_us
    return TopicPage(
        name=name,
        description=declared.description if declared is not None else "",
        compacted=declared is not None and declared.compacted,
        key=declared.key if declared is not None and declared.content == "json" else "",
        columns=_columns(broker, name, declared),
        declared=declared is not None,
        parts=parts,
        groups=[one for one in group_looks(broker, earlier, now_us) if name in one.topics],
        bars=arrivals(broker, name, until_us, HOUR_US),
        bars_from=time_text(until_us - HOUR_US),
        bars_until=time_text(until_us),
        lines=_lines(broker, name),
    )


def _columns(broker: Broker, name: str, declared: Topic | None) -> list[dict[str, str]]:
    if declared is None:
        seen = seen_columns(broker, name)
        return [{"name": one.name, "type": " | ".join(sorted(one.types)), "says": ""} for one in seen.columns.values()]
    rows = []
    for column in declared.schema:
        metadata = {key.decode(): text.decode() for key, text in (column.metadata or {}).items()}
        type_ = str(column.type).partition("<")[0]
        rows.append({"name": column.name, "type": type_, "says": metadata.get("description", "")})
    return rows


def _lines(broker: Broker, name: str) -> list[dict[str, Any]]:
    places = last_places(broker, name, LAST_OF_EACH)
    starts = {part: begin for part, (begin, _) in places.items()}
    ends = {part: end for part, (_, end) in places.items()}
    seen = list(see(records_in_order(broker, starts, ends)))[-MOST_EVENTS:]
    # A line begins with its time, which the page shows in a column of its own.
    return [
        {
            "arrived": one.arrived,
            "place": f"{one.part.partition}@{one.record.offset}",
            "line": _without_time(line_of(one)),
        }
        for one in reversed(seen)
    ]


def _without_time(line: str) -> str:
    return line.partition("  ")[2].strip() or line


PAGE = Page(
    routes=[Route("/topics", topics), Route("/topics/{name}", topic)],
    title="Topics",
    path="/topics",
    chinese={
        **CHINESE_TOPICS,
        **CHINESE_COLUMNS,
        "Topics": "主题",
        "Topic": "主题",
        "Topics and jobs": "主题与作业",
        "Jobs": "作业",
        "the broker has no such topic": "消息代理上没有这个主题",
        "Group": "消费组",
        "Reads": "读取",
        "Behind": "落后（条）",
        "Waiting": "等待（秒）",
        "Records a second": "每秒条数",
        "No job has worked on this broker yet.": "还没有作业在此消息代理上运行过。",
        "caught up": "已追上",
        "Holds": "内容",
        "Partitions": "分区",
        "Records": "记录数",
        "{n} s": "{n} 秒",
        "hubbub's own bookkeeping": "hubbub 内部记录",
        "not one of hubbub's own": "非 hubbub 自带",
        "There is no topic yet.": "还没有主题。",
        "compacted: the last record of each key is kept": "压缩：保留每个键的最后一条记录",
        "{n} record": "{n} 条记录",
        "{n} records": "{n} 条记录",
        "{n} partition": "{n} 个分区",
        "{n} partitions": "{n} 个分区",
        "keyed by {key}": "键：{key}",
        "What came": "到达情况",
        "Records that arrived from {begin} to {end}: {counts}": "{begin} 至 {end} 到达的记录数：{counts}",
        "at most {n} in three minutes": "三分钟内最多 {n} 条",
        "Who reads it": "谁在读取",
        "Nobody reads it.": "没有消费组读取。",
        "The last events": "最近的事件",
        "It is empty.": "主题为空。",
        "Arrived": "到达时间",
        "Event": "事件",
        "Partition": "分区",
        "First": "起始",
        "End": "末尾",
        "Last record": "最后一条",
        "Columns": "列",
        "Name": "名称",
        "Says": "说明",
        "Nothing declares these columns; they are those of the last records.": (
            "没有声明这些列；以下是最近记录中出现的列。"
        ),
        "Values are bytes as they came.": "值为原始字节。",
    },
)
