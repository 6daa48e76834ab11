"""A silence as a form asks for one: `for` says how long, `text` why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.console.answer import console_of, form_of, in_thread, session_of
from pipelines.duration import duration_us
from pipelines.silences import new_silence, write_silence
from schemas.silences import SILENCES

if TYPE_CHECKING:
    from starlette.requests import Request


async def silence_as_asked(request: Request, matchers: Sequence[str]) -> str:
    """Silence what matches, in the name of who asks; return for how long, as the form says it.

    Raises WrongDuration, WrongMatcher or BadInput for what cannot be; then nothing is written.
    """
    console, form, now_us = console_of(request), form_of(request), time.time_ns() // 1000
    length = form.get("for", "").strip()
    made = new_silence(
        matchers,
        now_us=now_us,
        for_us=duration_us(length),
        by=session_of(request).name,
        comment=form.get("text", ""),
    )
    await in_thread(console.write, write_silence, made, now_us)
    await in_thread(console.settle, SILENCES.name)
    return length
