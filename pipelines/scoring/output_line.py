"""One line of output: the event as it came, with the answers added, or with the reason why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from schemas.refused import Refused

INPUT = "input"
ERROR = "error"


def answered_line(event: dict[str, object], names: Sequence[str], answers: Sequence[object]) -> bytes:
    """Return the event with its answers; its own fields of these names move into `input`.

    >>> answered_line({"text": "hi", "topic": 7}, ["topic"], [None])
    b'{"text":"hi","input":{"topic":7},"topic":null}\\n'
    """
    return _line(event, dict(zip(names, answers, strict=True)))


def error_line(event: dict[str, object], refused: Refused, number: int) -> bytes:
    """Return the event, as far as it could be read, with the reason why it has no answers; `number` is its line."""
    return _line(event, {ERROR: {"reason": refused.reason, "message": refused.message, "line": number}})


def _line(event: dict[str, object], added: dict[str, object]) -> bytes:
    # `error` says that there are no answers, so nobody else may say it.
    moved = _among(event, {*added, ERROR})
    if moved and INPUT in event:
        moved = _among(event, {*moved, INPUT})
    kept = {name: value for name, value in event.items() if name not in moved} if moved else dict(event)
    if moved:
        kept[INPUT] = moved
    return orjson.dumps(kept | added, option=orjson.OPT_APPEND_NEWLINE)


def _among(event: dict[str, object], names: Iterable[str]) -> dict[str, object]:
    wanted = set(names)
    return {name: value for name, value in event.items() if name in wanted}
