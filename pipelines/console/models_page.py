"""The models that serve here, and the card of each: what it answers, what it learnt from, how well it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from infra.broker import Broker
from models.bundle import CARD, BundleRefused, read_card
from models.card import Card
from pipelines.alert_feedback import feedback_of, labelled_row, labelled_texts
from pipelines.console.answer import NotFound, console_of, in_thread, show
from pipelines.console.card_figures import FigureTable, HeadFigures, figure_tables, head_figures
from pipelines.console.page import Page
from pipelines.installed_models import InstalledModel, installed_models

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_FEEDBACK: Final = 50


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model of the list; `refused` says why its bundle cannot serve, and then it has no card."""

    name: str
    origin: str
    card: Card | None = None
    size: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ModelLook:
    """One model's card. `more` are the card's further texts (notes), by name."""

    name: str
    origin: str
    folder: str
    card: Card
    digest: str
    size: str
    more: Mapping[str, str]
    sets: Sequence[Mapping[str, Any]]
    heads: Sequence[HeadFigures]
    tables: Sequence[FigureTable]


@dataclass(frozen=True, slots=True)
class Judged:
    """What people said of alerts: by rule (right, wrong), and the last verdicts."""

    rules: Sequence[tuple[str, int, int]]
    last: Sequence[Mapping[str, Any]]
    total: int


async def models(request: Request) -> Response:
    """GET /models."""
    console = console_of(request)
    rows = await in_thread(_rows, console.settings.models)
    judged = await in_thread(_judged, console.broker)
    return await show(request, "models.html", title="Models", models=rows, judged=judged)


async def model(request: Request) -> Response:
    """GET /models/NAME."""
    found = await in_thread(_look, console_of(request).settings.models, request.path_params["name"])
    if found is None:
        raise NotFound("there is no such model here, or its bundle is refused")
    return await show(request, "model.html", title="Model", model=found)


async def feedback(request: Request) -> Response:
    """GET /feedback.jsonl and /feedback-texts.jsonl: what people said of alerts, as rows to learn from."""
    found = await in_thread(feedback_of, console_of(request).broker)
    texts = request.url.path == "/feedback-texts.jsonl"
    rows = labelled_texts(found) if texts else map(labelled_row, found)
    body = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    name = "feedback-texts.jsonl" if texts else "feedback.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="application/jsonl", headers=headers)


def _rows(chosen: Mapping[str, str]) -> list[ModelRow]:
    return [_row(one) for one in installed_models(dict(chosen))]


def _row(model: InstalledModel) -> ModelRow:
    try:
        card, _ = read_card(model.folder)
    except BundleRefused as refused:
        return ModelRow(model.name, model.origin, refused=str(refused))
    return ModelRow(model.name, model.origin, card, _size(model, card))


def _look(chosen: Mapping[str, str], name: str) -> ModelLook | None:
    found = next((one for one in installed_models(dict(chosen)) if one.name == name), None)
    if found is None:
        return None
    try:
        card, digest = read_card(found.folder)
    except BundleRefused:
        return None
    written = orjson.loads((found.folder / CARD).read_bytes())
    more = {key: value for key in ("training_note", "method", "target") if isinstance(value := written.get(key), str)}
    return ModelLook(
        name=found.name,
        origin=found.origin,
        folder=str(found.folder),
        card=card,
        digest=digest,
        size=_size(found, card),
        more=more,
        sets=[_set(one) for one in card.training_sets],
        heads=head_figures([(head.name, head.labels) for head in card.heads], card.metrics),
        tables=figure_tables(card.metrics),
    )


def _set(one: object) -> dict[str, Any]:
    if not isinstance(one, dict):
        return {"name": str(one), "rows": None, "licence": "", "note": ""}
    texts = {key: str(one.get(key) or "") for key in ("name", "licence", "note")}
    return texts | {"rows": one.get("rows")}


def _size(model: InstalledModel, card: Card) -> str:
    from rich.filesize import decimal  # noqa: PLC0415 - only here

    files = (model.folder / name for name in card.files)
    return decimal(sum(one.stat().st_size for one in files if one.exists()))


def _judged(broker: Broker) -> Judged:
    found = feedback_of(broker)
    counts = Counter((str(one["rule"]), str(one["verdict"])) for one in found)
    rules = sorted({rule for rule, _ in counts})
    rows = [(rule, counts[rule, "right"], counts[rule, "wrong"]) for rule in rules]
    return Judged(rows, found[-MOST_FEEDBACK:][::-1], len(found))


PAGE = Page(
    routes=[
        Route("/models", models),
        Route("/models/{name}", model),
        Route("/feedback.jsonl", feedback),
        Route("/feedback-texts.jsonl", feedback),
    ],
    title="Models",
    path="/models",
    chinese={
        "Models": "模型",
        "Model": "模型",
        "there is no such model here, or its bundle is refused": "这里没有这个模型，或其模型包被拒绝",
        "Serves as": "用途名称",
        "Version": "版本",
        "Task": "任务",
        "Answers": "回答",
        "Origin": "来源",
        "Size": "大小",
        "shipped": "随 hubbub 提供",
        "settings": "由设置指定",
        "refused": "被拒绝",
        "What people said of alerts": "人们对告警的评价",
        "Rule": "规则",
        "Right": "正确",
        "Wrong": "错误",
        "Verdict": "评价",
        "should be {label}": "应为 {label}",
        "right": "正确",
        "wrong": "错误",
        "Nobody has judged an alert yet. Each alert's page asks whether it was right.": (
            "还没有人评价过告警。每条告警的页面都可以评价其是否正确。"
        ),
        "{n} verdict": "{n} 条评价",
        "{n} verdicts": "{n} 条评价",
        "To learn from (JSON lines):": "可用于训练（JSON 行）：",
        "alerts with their verdicts": "带评价的告警",
        "texts with their labels": "带标签的文本",
        "What it answers": "回答的内容",
        "What it learnt from": "训练数据",
        "Licences:": "许可：",
        "Data set": "数据集",
        "Rows": "行数",
        "Licence": "许可",
        "Note": "备注",
        "It was trained on no data set.": "没有使用数据集训练。",
        "How well it does": "表现",
        "F1 of each label on held-out rows": "各标签在留出数据上的 F1",
        "What is taken for what": "混淆情况",
        "the truth is the row, the answer the column": "行为真实标签，列为模型回答",
        "Whether its probabilities can be trusted": "概率是否可信",
        "expected calibration error {error}": "期望校准误差 {error}",
        "said": "模型给出的概率",
        "was right": "实际正确率",
        "Reliability of {head}: {points}": "{head} 的可靠性：{points}",
        "{said} said, {right} right, {rows} rows": "给出 {said}，正确 {right}，{rows} 行",
        "On the line it is as sure as it should be; below it is too sure.": "在线上表示把握恰当，在线下表示过于自信。",
        "All figures": "全部数据",
        "of the card": "模型卡",
        "Figure": "指标",
        "The bundle": "模型包",
        "Folder": "文件夹",
        "Digest": "摘要",
        "Runtime": "运行时",
        "Base model": "基础模型",
        "Golden examples": "标准样例",
        "checked whenever it is loaded": "每次加载时核对",
        "Files": "文件",
    },
)
