"""What the page of an incident says, in Chinese, beside what the page of an alert says."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    "Incident": "事故",
    "there is no such incident, or it was over long ago": "没有这起事故，或者它早已结束",
    "expected an incident of fewer devices, got more than one silence can name": "涉及设备过多，无法用一条静默全部列出",
    "{category} trouble at {site}": "{site} 的{category}问题",
    "Trouble at {site}": "{site} 出现问题",
    "Probable cause": "可能原因",
    "Site": "站点",
    "Began": "开始",
    "Taken for an incident": "判定为事故",
    "Ended": "结束",
    "Lasted": "持续",
    "Touches": "涉及",
    "{n} device": "{n} 台设备",
    "{n} devices": "{n} 台设备",
    "and {n} more": "另有 {n} 台",
    "All evidence on one axis": "同一时间轴上的全部证据",
    "times in UTC": "时间为 UTC",
    "{n} more devices": "其他 {n} 台设备",
    "{n} events of {devices} devices between {begin} and {end}; the list below says each": (
        "{begin} 至 {end} 之间 {devices} 台设备的 {n} 个事件；详见下方列表"
    ),
    "began": "开始",
    "enough to tell": "证据充分",
    "ended": "结束",
    "What was seen": "所见证据",
    "the first and the last of {n} events": "{n} 个事件中的最初和最后部分",
    "Its alerts": "相关告警",
    "{n} more alert never fired, or was over long ago.": "另有 {n} 条告警未触发或早已结束。",
    "{n} more alerts never fired, or were over long ago.": "另有 {n} 条告警未触发或早已结束。",
    "Earlier incidents like it": "以前的类似事故",
    "No earlier incident is like it.": "以前没有类似的事故。",
    "same cause": "原因相同",
    "same kind of trouble": "问题类型相同",
    "same devices: {names}": "相同设备：{names}",
    "{percent}% alike": "相似度 {percent}%",
    "Acknowledge {n} open alert": "确认 {n} 条未恢复的告警",
    "Acknowledge {n} open alerts": "确认 {n} 条未恢复的告警",
    "Acknowledged: {n}": "已确认：{n}",
    "Every open alert of it is acknowledged.": "其全部未恢复的告警均已确认。",
    "None of its alerts is open any more.": "相关告警均已恢复。",
    "Nobody is told of alerts of its devices. They go on as they are.": "不再通知其设备的告警；告警本身照常进行。",
    "Silence its devices": "静默其设备",
    "Say of each alert whether it was right, on its own page.": "请在各告警的页面上判断其是否正确。",
}
