"""Drift: whether what the models met and answered lately is still like the reference on their cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from models.bundle import BundleRefused
from pipelines.bad_input import BadInput
from pipelines.console.answer import console_of, in_thread, show
from pipelines.console.page import Page
from pipelines.drift.kept_drift import LAST_ROWS

if TYPE_CHECKING:
    from starlette.requests import Request


async def drift(request: Request) -> Response:
    """GET /drift."""
    console = console_of(request)
    try:
        found = await in_thread(console.drift.told, console.broker, console.settings.models)
    except BundleRefused as refused:
        raise BadInput(str(refused)) from refused
    return await show(request, "drift.html", title="Drift", drifts=found, rows=LAST_ROWS)


PAGE = Page(
    routes=[Route("/drift", drift)],
    chinese={
        "Drift": "漂移",
        "Are events still like those that the models know?": "事件是否仍与模型熟悉的相似？",
        "Of each model the last {n} rows that it answered, beside the reference on its card.": (
            "各模型最近回答的 {n} 行，与模型卡上的参考数据对比。"
        ),
        "PSI below 0.1 is stable, from 0.25 on it is drift, if it is more than chance does once in a thousand.": (
            "PSI 低于 0.1 为稳定；达到 0.25 且超出千分之一的偶然范围时为漂移。"
        ),
        "Looking …": "正在计算……",
        "Beside: {data}": "对照：{data}",
        "{n} row": "{n} 行",
        "{n} rows": "{n} 行",
        "has drifted": "已漂移",
        "like its reference": "与参考相似",
        "Its card has no reference, so nobody can tell.": "模型卡没有参考数据，无法判断。",
        "by chance": "偶然上限",
        "bound": "界限",
        "Level": "程度",
        "stable": "稳定",
        "shifting": "偏移",
        "drifted": "漂移",
        "few": "行数太少",
        "too few rows to tell": "行数太少，无法判断",
        "No model has answered anything here yet.": "还没有模型在此回答过任何内容。",
    },
)
