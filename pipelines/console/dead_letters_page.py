"""Dead letters: what could not be processed, why, the original record, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from infra.broker import Broker
from pipelines.bad_input import BadInput
from pipelines.console.answer import NotFound, console_of, form_of, go_to, in_thread, say, show
from pipelines.console.dead_letter_rows import (
    DeadLetterChoice,
    DeadLetterRow,
    dead_letter_list,
    dead_letter_row,
    places_in,
)
from pipelines.console.page import Page
from pipelines.console.shown_bytes import ShownBytes, shown_bytes
from pipelines.dead_letter_view import DeadLetter, drop, fates, letter_at, send_again
from schemas.dead_letters import REASONS

if TYPE_CHECKING:
    from starlette.requests import Request

ON_A_PAGE: Final = 50
FATES: Final = (("open", "not settled"), ("sent", "sent again"), ("dropped", "dropped"), ("all", "all"))


@dataclass(frozen=True, slots=True)
class DeadLetterLook:
    """Everything about one dead letter."""

    row: DeadLetterRow
    letter: DeadLetter
    key: ShownBytes
    value: ShownBytes
    headers: Sequence[tuple[str, str]]


async def dead_letters(request: Request) -> Response:
    """GET /dead-letters?reason=R&topic=T&pipeline=P&fate=open|sent|dropped|all&page=N&ticked=1."""
    query = request.query_params
    choice = DeadLetterChoice(
        **{name: query.get(name, "")[:200] for name in ("reason", "topic", "pipeline")}, **_fate(query)
    )
    page = query.get("page", "1")
    if not page.isdecimal() or not 1 <= int(page[:6]) <= 1000:
        raise BadInput(f"expected a page from 1 to 1000, got {page!r}")
    found = await in_thread(dead_letter_list, console_of(request).broker, choice)
    begin = (int(page) - 1) * ON_A_PAGE
    return await show(
        request,
        "dead_letters.html",
        title="Dead letters",
        found=found,
        rows=found.rows[begin : begin + ON_A_PAGE],
        page=int(page),
        pages=max(1, -(-len(found.rows) // ON_A_PAGE)),
        filters=asdict(choice),
        fates=FATES,
        ticked=query.get("ticked") == "1",
        highest=max(found.reasons.values(), default=1),
    )


async def settle(request: Request) -> Response:
    """POST /dead-letters: send those that are ticked again, or drop them."""
    form = form_of(request)
    console = console_of(request)
    do, places = form.get("do"), list(places_in(form))
    if do not in ("send", "drop"):
        raise BadInput(f"expected do=send or do=drop, got {do!r}")
    done = await in_thread(console.write, _settle, places, do == "send")
    if not places:
        say(request, "Nothing was ticked.")
    elif do == "send":
        say(request, "{n} sent again to their topics.", n=done)
    else:
        say(request, "{n} dropped; they stay in the topic until retention takes them.", n=done)
    if left := len(places) - done:
        say(request, "{n} left alone: settled before, gone, or without an origin.", n=left)
    return go_to(form.get("back", "/dead-letters"))


async def dead_letter(request: Request) -> Response:
    """GET /dead-letters/PARTITION-OFFSET."""
    places = list(places_in({f"at.{request.path_params['at']}": ""}))
    found = await in_thread(_look, console_of(request).broker, *places[0]) if places else None
    if found is None:
        raise NotFound("there is no such dead letter (any more)")
    return await show(request, "dead_letter.html", title="Dead letter", look=found)


def _fate(query: object) -> dict[str, str]:
    fate = query.get("fate", "open")  # type: ignore[attr-defined]
    if fate not in dict(FATES):
        raise BadInput(f"expected fate to be one of {', '.join(dict(FATES))}, got {fate!r}")
    return {"fate": fate}


def _settle(broker: Broker, places: Sequence[tuple[int, int]], send: bool) -> int:
    letters = [letter_at(broker, *place) for place in places]
    act = send_again if send else drop
    return sum(act(broker, one) for one in letters if one is not None)


def _look(broker: Broker, partition: int, offset: int) -> DeadLetterLook | None:
    letter = letter_at(broker, partition, offset)
    if letter is None:
        return None
    record = letter.record
    headers = [(name, shown_bytes(value).one_line) for name, value in record.headers]
    return DeadLetterLook(
        dead_letter_row(letter, fates(broker)), letter, shown_bytes(record.key), shown_bytes(record.value), headers
    )


PAGE = Page(
    routes=[
        Route("/dead-letters", dead_letters),
        Route("/dead-letters", settle, methods=["POST"]),
        Route("/dead-letters/{at}", dead_letter),
    ],
    title="Dead letters",
    path="/dead-letters",
    chinese={
        "Dead letters": "死信",
        "Dead letter": "死信",
        "there is no such dead letter (any more)": "没有这条死信（或已过期）",
        "{n} open dead letter": "{n} 条待处理的死信",
        "{n} open dead letters": "{n} 条待处理的死信",
        "What could not be processed lies here, bytes and headers as they came; the rest went on.": (
            "无法处理的记录原样保存在这里（字节与消息头不变），其余记录照常处理。"
        ),
        "Only the last {n} of {of} were looked at.": "仅查看了 {of} 条中的最后 {n} 条。",
        "Reason": "原因",
        "Pipeline": "流水线",
        "any": "不限",
        "not settled": "待处理",
        "sent again": "已重发",
        "dropped": "已放弃",
        "Where it lay": "原位置",
        "Tick": "选择",
        "Tick all on this page": "全选本页",
        "Untick all": "取消全选",
        "tick {id}": "选择 {id}",
        "Send again": "重新发送",
        "Drop": "放弃",
        "No dead letter is like that.": "没有符合条件的死信。",
        "No dead letters. Everything could be processed.": "没有死信，所有记录都已处理。",
        "Nothing was ticked.": "没有选择任何记录。",
        "{n} sent again to their topics.": "已将 {n} 条重新发送到原主题。",
        "{n} dropped; they stay in the topic until retention takes them.": "已放弃 {n} 条；记录会保留到过期为止。",
        "{n} left alone: settled before, gone, or without an origin.": "{n} 条未处理：此前已处理、已过期或来源不明。",
        "It does not say where it came from, so it cannot be sent back.": "记录没有说明来源，无法发回。",
        "What went wrong": "出错情况",
        "Stage": "阶段",
        "Operator": "算子",
        "Attempts": "尝试次数",
        "failed at": "出错时间",
        "first arrived": "首次到达",
        "now at": "现位于",
        "Identity": "标识",
        "The record as it came": "原始记录",
        "Key": "键",
        "none": "无",
        "{n} bytes": "{n} 字节",
        "as JSON, indented": "JSON（已缩进）",
        "as text": "文本",
        "in hex": "十六进制",
        "There is more; this is the beginning.": "内容未完，仅显示开头部分。",
        "Headers": "消息头",
        "unknown": "未知",
        "bad_json": "JSON 无效",
        "bad_utf8": "UTF-8 无效",
        "schema": "结构不符",
        "too_large": "过大",
        "bomb": "解压炸弹",
        "nan": "非数值",
        "unknown_device": "未知设备",
        "infer_error": "处理出错",
        "infer_timeout": "处理超时",
        "crash_loop": "反复崩溃",
        "sink_reject": "写出被拒",
        "clock": "时间超前",
    },
)
assert all(reason in PAGE.chinese for reason in REASONS)
