"""What is said of an alert's evidence and of who took it over, in Chinese."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    "{n} event": "{n} 个事件",
    "{n} events": "{n} 个事件",
    "expected {low} to {high}": "预期 {low} 至 {high}",
    "{reading}, expected {low} to {high}": "{reading}，预期 {low} 至 {high}",
    "because of": "依据",
    "because of {words}": "依据：{words}",
    "acknowledged": "已确认",
    "acknowledged by {name}": "{name} 已确认",
    "{name} says: wrong": "{name} 认为：误报",
    "{name} says: right": "{name} 认为：正确",
    "called wrong by {name}": "{name} 判为误报",
    "called right by {name}": "{name} 判为正确",
    "{what} ({more})": "{what}（{more}）",
    '{who}: "{words}"': "{who}：“{words}”",
}
