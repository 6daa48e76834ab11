"""Incidents in words: the cause, and one paragraph from the evidence, in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from operators.incident_memory import Sight
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST_NAMED: Final = 5
_MOST_QUOTED: Final = 160
_MOST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What a paragraph tells of. `above`: how many of the devices hang on the cause; `silent`: it shows nothing."""

    site: str
    severity: int
    category: str | None
    cause: str
    cause_type: str | None
    above: int
    silent: bool
    devices: Sequence[str]
    device_count: int
    counts: Sequence[tuple[str, int]]
    first: Sight
    worst: Sight
    message: Sight | None
    updated_at: int
    resolved_at: int | None


_KINDS: Final = {
    "en": {"log": ("log alert", "log alerts"), "message": ("customer message alert", "customer message alerts"),
           "alarm": ("alarm", "alarms"), "telemetry": ("reading out of range", "readings out of range")},
    "zh": {"log": ("日志告警",) * 2, "message": ("客户消息告警",) * 2, "alarm": ("设备报警",) * 2,
           "telemetry": ("读数异常",) * 2},
}  # fmt: skip
_SEVERITIES_ZH: Final = ("紧急", "重要", "次要", "警告", "未定", "已清除")
_CATEGORIES_ZH: Final = {
    "power": "供电", "network": "网络", "thermal": "温度", "mechanical": "机械", "sensor": "传感器", "storage": "存储",
    "software": "软件", "security": "安防", "safety": "安全",
}  # fmt: skip


def is_chinese(language: str | None) -> bool:
    """Whether a language is written with templates in Chinese; every other one gets English."""
    return language is not None and language.split("-")[0].lower() == "zh"


class Quoted(TypedDict):
    """What a paragraph quotes: what the cause showed first, the worst that was seen, a customer's first message."""

    first: Sight
    worst: Sight
    message: Sight | None


def told_of_sights(sights: Sequence[Sight], cause: str) -> Quoted:
    """Choose what is quoted of all that was seen."""
    shown_by_cause = [one for one in sights if one.device_id == cause]
    return {
        "first": (shown_by_cause or sights)[0],
        "worst": min(sights, key=lambda one: (one.severity, one.event_time, one.event_id)),
        "message": next((one for one in sights if one.kind == "message"), None),
    }


def cause_in_words(told: Told, *, chinese: bool) -> str:
    """Say which device is taken for the cause, and why."""
    device = _device(told, chinese)
    seen = _quoted(told.first, chinese)
    if chinese:
        if told.silent:
            return f"{device}：{told.above} 台受影响的设备都连在它上面，它自己没有发出任何消息"
        why = f"，{told.above} 台受影响的设备连在它上面" if told.above else ""
        return f"{device}：{_at(told.first.event_time)} 最早出现异常（{seen}）{why}"
    if told.silent:
        return f"{device}: {_hang(told.above, 'devices')} on it, and it says nothing itself"
    why = f"; {_hang(told.above, 'devices')} on it" if told.above else ""
    return f"{device}: it showed {seen} at {_at(told.first.event_time)}{why}"


def summary_in_words(told: Told, *, chinese: bool) -> str:
    """Tell the incident in one paragraph."""
    return _in_chinese(told) if chinese else _in_english(told)


def _in_english(told: Told) -> str:
    trouble = f"{told.category.replace('_', ' ')} trouble" if told.category else "trouble"
    named = ", ".join(map(_name, told.devices[:MOST_NAMED]))
    more = told.device_count - min(len(told.devices), MOST_NAMED)
    who = (
        f"{told.device_count} devices ({named}{f' and {more} more' if more else ''})"
        if told.device_count > 1
        else named
    )
    sentences = [f"{SEVERITIES[told.severity].capitalize()} {trouble} at {_name(told.site)}: {who}."]
    if told.silent:
        sentences.append(f"All that is touched hangs on {_device(told, False)}, which says nothing itself.")
    else:
        above = f", and {_hang(told.above, 'others')} on it" if told.above else ""
        sentences.append(
            f"It began at {_at(told.first.event_time)} on {_name(told.first.device_id)}: {_quoted(told.first, False)}."
        )
        sentences.append(f"The probable cause is {_device(told, False)}{above}.")
    if told.worst.event_id != told.first.event_id:
        sentences.append(f"The worst: {_quoted(told.worst, False)} on {_name(told.worst.device_id)}.")
    if told.message is not None and told.message.event_id not in (told.first.event_id, told.worst.event_id):
        sentences.append(f"A customer writes: {_quoted(told.message, False)}.")
    counted = ", ".join(f"{count} {_KINDS['en'][kind][count != 1]}" for kind, count in told.counts if count)
    sentences.append(f"Evidence until {_at(told.updated_at)}: {counted}.")
    if told.resolved_at is not None:
        sentences.append(f"It ended at {_at(told.resolved_at)}.")
    return " ".join(sentences)


def _in_chinese(told: Told) -> str:
    trouble = f"{_CATEGORIES_ZH.get(told.category, told.category)}问题" if told.category else "异常"
    named = "、".join(map(_name, told.devices[:MOST_NAMED]))
    more = " 等" if told.device_count > min(len(told.devices), MOST_NAMED) else ""
    who = f"{told.device_count} 台设备（{named}{more}）" if told.device_count > 1 else named
    sentences = [f"{_name(told.site)} 发生{_SEVERITIES_ZH[told.severity]}级{trouble}：{who}。"]
    if told.silent:
        sentences.append(f"受影响的设备都连在 {_device(told, True)} 上，而它自己没有发出任何消息。")
    else:
        sentences.append(
            f"{_at(told.first.event_time)} 首先出现在 {_name(told.first.device_id)}：{_quoted(told.first, True)}。"
        )
        above = f"，有 {told.above} 台受影响的设备连在它上面" if told.above else ""
        sentences.append(f"可能的原因是 {_device(told, True)}{above}。")
    if told.worst.event_id != told.first.event_id:
        sentences.append(f"最严重的是 {_name(told.worst.device_id)}：{_quoted(told.worst, True)}。")
    if told.message is not None and told.message.event_id not in (told.first.event_id, told.worst.event_id):
        sentences.append(f"客户反映：{_quoted(told.message, True)}。")
    counted = "、".join(f"{count} 条{_KINDS['zh'][kind][0]}" for kind, count in told.counts if count)
    sentences.append(f"截至 {_at(told.updated_at)} 的证据：{counted}。")
    if told.resolved_at is not None:
        sentences.append(f"{_at(told.resolved_at)} 结束。")
    return "".join(sentences)


def _device(told: Told, chinese: bool) -> str:
    if told.cause_type is None:
        return _name(told.cause)
    kind = _name(told.cause_type).replace("_", " ")
    return f"{_name(told.cause)}（{kind}）" if chinese else f"{_name(told.cause)} ({kind})"


def _hang(count: int, of_what: str) -> str:
    return f"{count} of the {of_what} {'hangs' if count == 1 else 'hang'}"


def _name(text: str) -> str:
    return safe_text(text, _MOST_NAME)


def _quoted(sight: Sight, chinese: bool) -> str:
    if not sight.text:
        return _KINDS["zh" if chinese else "en"][sight.kind][0]
    text = safe_text(sight.text, _MOST_QUOTED)
    return f"“{text}”" if chinese else f'"{text}"'


def _at(time_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%d %H:%M UTC")
