"""Alerts as rows of a table that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipelines.commands.table import GrowingTable
from pipelines.event_lines import short_time
from pipelines.seen_event import SeenEvent
from pipelines.words.alert_words import AlertWords
from schemas.safe_text import safe_text

COLUMNS: Final = ("SEVERITY", "STATE", "OPENED", "DEVICE", "EVENTS", "ID", "SUMMARY")


class AlertTable:
    """A table of alerts, told in the language of `words`; what comes later stands below the same columns."""

    def __init__(self, words: AlertWords) -> None:
        self._words = words
        self._table = GrowingTable()

    def lines(self, alerts: Sequence[SeenEvent]) -> list[str]:
        """Return the line of the columns' names, and one for each alert."""
        names = tuple(map(self._words.translation.say, COLUMNS))
        return self._table.lines([names, *map(self._row, alerts)])

    def line(self, alert: SeenEvent) -> str:
        """Return the line of one more alert, or of one as it is now."""
        return self._table.lines([self._row(alert)])[0]

    def _row(self, alert: SeenEvent) -> tuple[str, ...]:
        event, say = alert.event or {}, self._words.translation.say
        return (
            say(safe_text(str(event.get("severity", "")), 13)),
            say(safe_text(str(event.get("state", "")), 8)),
            short_time(str(event.get("opened_at", ""))),
            safe_text(str(event.get("device_id", "")), 24),
            safe_text(str(event.get("count", "")), 9),
            safe_text(str(event.get("fingerprint", ""))[:8], 8),
            _told(event, self._words),
        )


def _told(event: Mapping[str, Any], words: AlertWords) -> str:
    """Return an alert's sentence, who took it over, and what was said of it."""
    say, summary = words.translation.say, safe_text(words.sentence(event), 240)
    if event.get("verdict") in ("right", "wrong"):
        called = f"called {event['verdict']} by {{name}}"
        summary = say("{what} ({more})", what=summary, more=say(called, name=safe_text(str(event["judged_by"]), 40)))
    by, comments = event.get("acknowledged_by"), event.get("comments") or ()
    if by is not None:
        who = say("acknowledged by {name}", name=safe_text(str(by), 40))
    elif comments:
        who = safe_text(comments[-1]["by"], 40)
    else:
        return summary
    if comments:
        who = say('{who}: "{words}"', who=who, words=safe_text(comments[-1]["text"], 80))
    return say("{what} ({more})", what=summary, more=who)
