"""A silence as a form asks for one: `for` says how long, `text` why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.console.answer import console_of, form_of, in_thread, session_of, translation_of
from pipelines.console.templating import lasting
from pipelines.duration import duration_us
from pipelines.silences import new_silence, write_silence
from schemas.silences import SILENCES

if TYPE_CHECKING:
    from starlette.requests import Request


async def silence_as_asked(request: Request, matchers: Sequence[str]) -> str:
    """Silence what matches, in the name of who asks; return for how long, in their language.

    Raises WrongDuration, WrongMatcher or BadInput for what cannot be; then nothing is written.
    """
    console, form, now_us = console_of(request), form_of(request), time.time_ns() // 1000
    length = form.get("for", "").strip()
    for_us = duration_us(length)
    made = new_silence(
        matchers,
        now_us=now_us,
        for_us=for_us,
        by=session_of(request).name,
        comment=form.get("text", ""),
    )
    await in_thread(console.write, write_silence, made, now_us)
    await in_thread(console.settle, SILENCES.name)
    return lasting(for_us / 1e6, translation_of(request).say("d h min s"))
