"""What a notification says to people: a title, and a line for each alert, in the language of its receiver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from operators.words import listed
from pipelines.duration import duration_text
from pipelines.notify.alert import Alert
from pipelines.notify.book import Group, Known, Reason
from pipelines.notify.chat_text import chat_text
from pipelines.notify.contents import Contents
from pipelines.notify.plan import Route
from pipelines.seen_event import time_text
from pipelines.words.translation import Translation
from schemas.safe_text import safe_text

MOST_LINES: Final = 15
"""Alerts that a chat names."""

Part = tuple[Group, Route, Contents]


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of one language. What devices and people wrote in them mentions nobody and marks nothing up."""

    translation: Translation

    def title(self, reason: Reason, parts: Sequence[Part], now_us: int) -> str:
        """Say in a line what has happened."""
        say = self.translation.say
        firing = [known for _, _, contents in parts for known in contents.firing]
        over = [known for _, _, contents in parts for known in contents.resolved]
        counts = {"firing": len(firing), "over": len(over)}
        if reason == "digest":
            said = say("DIGEST of {groups} groups: {firing} firing, {over} resolved", groups=len(parts), **counts)
            worst = chat_text(self.summary(worst_first(parts)[0].alert), 120) if firing else ""
            return say("{counts}, worst: {what}", counts=said, what=worst) if worst else said
        if len(firing) + len(over) == 1:
            [one] = firing or over
            return self._of_one(reason, one.alert, now_us)
        if not firing:
            told = say("RESOLVED, all {over}", over=len(over))
        else:
            told = say("{firing} firing, {over} resolved" if over else "{firing} firing", **counts)
        if reason == "escalation":
            told = say("nobody acknowledged: {counts}", counts=told)
        elif reason == "repeat":
            told = say("still {counts}", counts=told)
        pairs = [f"{chat_text(name, 40)}={chat_text(value, 60)}" for name, value in parts[0][0].labels.items()]
        return say("{counts}: {about}", counts=told, about=listed("{one}, {other}", pairs, say)) if pairs else told

    def lines(self, parts: Sequence[Part]) -> list[str]:
        """Return a line for each alert, the worst first, and how many more there are."""
        say, found = self.translation.say, worst_first(parts)
        lines = [self._line(known) for known in found[:MOST_LINES]]
        if len(found) > MOST_LINES:
            lines.append(say("... and {n} more", n=len(found) - MOST_LINES))
        runbooks = dict.fromkeys(one.alert.annotations.get("runbook_url", "") for one in found[:MOST_LINES])
        return [*lines, *(say("runbook: {url}", url=safe_text(url, 300)) for url in runbooks if url)]

    def annotations(self, alert: Alert) -> dict[str, str]:
        """Return an alert's annotations, its sentence among them as `summary`."""
        named = {**alert.annotations, **alert.in_language.get(self.translation.language, {})}
        named.pop("summary", None)
        others = {safe_text(name, 64): safe_text(text, 1000) for name, text in named.items()}
        return {**others, "summary": safe_text(self.summary(alert), 500)}

    def summary(self, alert: Alert) -> str:
        """Return an alert's sentence, as it was written where this language has none for it."""
        return alert.in_language.get(self.translation.language, {}).get("summary", alert.summary)

    def _of_one(self, reason: Reason, alert: Alert, now_us: int) -> str:
        say, what = self.translation.say, chat_text(self.summary(alert), 160)
        if not alert.firing:
            return say("RESOLVED: {what}", what=what)
        severity = say(alert.severity).upper()
        if reason == "escalation":
            when = self._clock(alert.opened_us)
            return say("{severity}, nobody acknowledged since {when}: {what}", severity=severity, when=when, what=what)
        if reason == "repeat":
            length = duration_text(now_us - alert.opened_us, say("d h m s").split())
            return say("{severity} still, for {length}: {what}", severity=severity, length=length, what=what)
        return say("{severity}: {what}", severity=severity, what=what)

    def _line(self, known: Known) -> str:
        alert, say = known.alert, self.translation.say
        state = say(alert.severity if alert.firing else "resolved")
        more = [self.translation.count(alert.count, "{n} event", "{n} events")]
        if alert.firing and known.is_acknowledged:
            more.append(say("acknowledged"))
        what = chat_text(self.summary(alert))
        if alert.count > 1 or len(more) > 1:
            what = say("{what} ({more})", what=what, more=listed("{one}, {other}", more, say))
        return say("- {state}, since {when}: {what}", state=state, when=self._clock(alert.opened_us), what=what)

    def _clock(self, time_us: int) -> str:
        return self.translation.say("{when}Z", when=time_text(time_us)[:16].replace("T", " "))


def worst_first(parts: Sequence[Part]) -> list[Known]:
    """Return every alert that is named, the worst first."""
    found = [known for _, _, contents in parts for known in (*contents.firing, *contents.resolved)]
    return sorted(found, key=lambda one: (-one.level, one.alert.opened_us, one.alert.fingerprint))
