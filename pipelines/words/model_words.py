"""What models are for and what they answer, as people say it; cards have names for both that programs go by."""

from __future__ import annotations

from typing import Final

from operators.words import Say

TASKS: Final = {
    "text": ("what texts are about", "文本理解"),
    "telemetry": ("odd readings of a metric", "指标异常检测"),
    "multivariate": ("odd readings of metrics together", "多指标联合异常检测"),
    "templates": ("templates of log lines", "日志模板"),
    "forecast": ("forecasts of serious alarms", "严重告警预测"),
    "records": ("classes of records", "记录分类"),
    "sequences": ("classes of event sequences", "事件序列分类"),
}
HEADS: Final = {
    "language": ("language", "语言"),
    "sentiment": ("sentiment", "情绪"),
    "topic": ("topic", "话题"),
    "urgency": ("urgency", "紧迫程度"),
    "category": ("category", "类别"),
    "abnormal": ("abnormal", "异常"),
    "severity": ("severity", "级别"),
    "intent": ("intent", "意图"),
    "kind": ("kind of anomaly", "异常类型"),
}
CHINESE: Final = dict([*TASKS.values(), *HEADS.values()])


def task_name(task: str, say: Say) -> str:
    """Return what a model is for; a task that nobody has words for as the card names it."""
    return say(TASKS[task][0]) if task in TASKS else task


def head_name(head: str, say: Say) -> str:
    """Return what a model answers; a head that nobody has words for as the card names it."""
    return say(HEADS[head][0]) if head in HEADS else head
