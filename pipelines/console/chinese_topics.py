"""What each topic holds, in Chinese, by its description; and the stages at which a record may fail."""

from __future__ import annotations

from typing import Final

CHINESE_TOPICS: Final = {
    "what devices write about themselves, one event a line": "设备自身的日志，每行一个事件",
    "what people say about devices, English and Chinese": "人们关于设备的留言，中文和英文",
    "alarms that devices and management systems raise and clear": "设备和管理系统发出与清除的告警信号",
    "readings of devices, one metric a row": "设备读数，每行一个指标",
    "the device registry: each row says where a device stands from then on": "设备注册表：每行说明设备自某时起的位置",
    "device.logs, understood": "已理解的 device.logs",
    "customer.messages, understood": "已理解的 customer.messages",
    "alarms, understood": "已理解的 alarms",
    "device.telemetry, understood": "已理解的 device.telemetry",
    "alerts and their changes; the last record of a fingerprint is its state": (
        "告警及其变化；每个指纹的最后一条即当前状态"
    ),
    "what people did to alerts": "人们对告警的操作",
    "what people say of alerts, to learn from: right, wrong, and what would have been right": (
        "人们对告警的评价，用于训练：正确、错误以及正确的标签"
    ),
    "incidents and their changes; the last record of one is its state": "事故及其变化；每个事故的最后一条即当前状态",
    "how probable a serious alarm of a device is within the forecast's horizon": "设备在预测期内发生严重告警的概率",
    "what is not to be told for a time; the last record of an id holds": (
        "一段时间内不通知的内容；每个 id 以最后一条为准"
    ),
    "what was told to whom, and what failed": "通知了谁、通知了什么、哪些失败",
    "what devices are asked to do": "要求设备执行的操作",
    "what could not be processed: the original bytes and headers, and why": "无法处理的记录：原始字节、消息头及原因",
    "every change of an alert once more, in the order of its device": "告警的每次变化，按设备排序",
    "changes of alerts and of the registry, in the order of their site": "告警与注册表的变化，按站点排序",
    "regular kinds of log lines that stay away, and that come back": "定期出现的日志类型中断及恢复",
    "notable events of every kind, in the order of their device": "各类值得注意的事件，按设备排序",
    "observations that a partition is quiet, so that deadlines fall due": "分区静默的观测记录，使截止时间得以到期",
}
