"""Replay reports: what each found, and the report itself, shut in so that it can do nothing but show itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pipelines.console.answer import NotFound, console_of, in_thread, show
from pipelines.console.page import Page
from pipelines.console.report_list import page_of, reports_in

if TYPE_CHECKING:
    from starlette.requests import Request

# A report carries its own scripts. In a sandbox without an origin of its own they reach no cookie, no page of the
# console and no address; nothing is loaded from anywhere.
POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def reports(request: Request) -> Response:
    """GET /reports."""
    folder = console_of(request).settings.console.reports
    found = await in_thread(reports_in, folder)
    return await show(request, "reports.html", title="Replay reports", reports=found, folder=folder)


async def report(request: Request) -> Response:
    """GET /reports/NAME: the report as it was written."""
    page = await in_thread(page_of, console_of(request).settings.console.reports, request.path_params["name"])
    if page is None:
        raise NotFound("there is no such report")
    return FileResponse(page, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})


PAGE = Page(
    routes=[Route("/reports", reports), Route("/reports/{name}", report)],
    title="Replays",
    path="/reports",
    chinese={
        "today's models": "当前的模型",
        "what was raised": "当时产生的告警",
        "Replays": "回放",
        "Replay reports": "回放报告",
        "there is no such report": "没有这份报告",
        "What history would have raised with other models, thresholds or rules.": (
            "用其他模型、阈值或规则回放历史，会产生哪些告警。"
        ),
        "No folder of reports is named.": "尚未指定报告文件夹。",
        "There is no report in {folder} yet.": "{folder} 中还没有报告。",
        "Name one as `reports` in [console] of hubbub.toml, or by HUBBUB_CONSOLE_REPORTS, and write into it:": (
            "请在 hubbub.toml 的 [console] 节中设置 reports，或设置 HUBBUB_CONSOLE_REPORTS，然后写入报告："
        ),
        "Report": "报告",
        "Candidate": "候选",
        "Compared with": "对比对象",
        "History": "历史",
        "{n} event": "{n} 个事件",
        "{n} events": "{n} 个事件",
        "Found": "结果",
        "Written": "写入时间",
        "{n} of {of} alerts differ": "{of} 条告警中有 {n} 条不同",
        "no alert differs": "告警没有差异",
        "{n} alert would be raised": "将产生 {n} 条告警",
        "{n} alerts would be raised": "将产生 {n} 条告警",
        "within the tolerance": "在容许范围内",
        "beyond the tolerance": "超出容许范围",
        "its figures cannot be read": "无法读取其数据",
        "opens by itself": "单独打开",
    },
)
