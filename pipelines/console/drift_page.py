"""Drift: whether what the models met and answered lately is still like the reference on their cards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast

from starlette.responses import Response
from starlette.routing import Route

from infra.broker import Broker
from models.bundle import BundleRefused
from pipelines.bad_input import BadInput
from pipelines.catalog import shipped_pipeline
from pipelines.console.answer import console_of, in_thread, show
from pipelines.console.page import Page
from pipelines.drift.kept_drift import LAST_ROWS, drift_of_last_rows
from pipelines.drift.watched import ModelDrift

if TYPE_CHECKING:
    from starlette.requests import Request

PIPELINES: Final = ("messages", "logs", "alarms", "telemetry")
KEPT_S: Final = 60.0
"""What was found holds for so long: looking takes seconds, and what it finds changes slowly."""


class DriftLook:
    """The drift of the last rows of each shipped pipeline with a model, found in a thread of its own.

    So no page waits for it. `clock` gives seconds; any thread may ask.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: list[ModelDrift] | None = None
        self._error: Exception | None = None
        self._at_s = 0.0
        self._looking: threading.Thread | None = None

    def told(self, broker: Broker, models: Mapping[str, str]) -> list[ModelDrift] | None:
        """Return what was found last, and look again if that was long ago; None while nothing is known yet.

        Raises what went wrong when it looked: BrokerUnavailable, BundleRefused for a model that cannot serve, or a bug,
        as if it had happened here. Whoever asks after that has it looked for again.
        """
        with self._lock:
            error, self._error = self._error, None
            if error is not None:
                raise error
            known = self._found is not None
            # The thread lets go last, so what it left is there when this is None again.
            if self._looking is None and (not known or self._clock() - self._at_s > KEPT_S):
                arguments = (broker, dict(models))
                self._looking = threading.Thread(target=self._look, args=arguments, name="drift", daemon=True)
                self._looking.start()
            return self._found

    def _look(self, broker: Broker, models: Mapping[str, str]) -> None:
        try:
            built = (shipped_pipeline(name, models) for name in PIPELINES)
            found = [one for pipeline in built for one in drift_of_last_rows(pipeline, broker)]
        except Exception as wrong:  # noqa: BLE001 - a bug, too: here nobody would see it, and pages would look for ever
            self._error = wrong
        else:
            self._found, self._at_s = found, self._clock()
        finally:
            self._looking = None


async def drift(request: Request) -> Response:
    """GET /drift."""
    console = console_of(request)
    try:
        found = await in_thread(_look_of(request).told, console.broker, console.settings.models)
    except BundleRefused as refused:
        raise BadInput(str(refused)) from refused
    return await show(request, "drift.html", title="Drift", drifts=found, rows=LAST_ROWS)


def _look_of(request: Request) -> DriftLook:
    state = request.app.state
    if not hasattr(state, "drift_look"):
        state.drift_look = DriftLook()
    return cast(DriftLook, state.drift_look)


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
