"""Alerts as the list shows them: chosen, counted, in order, a page of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from pipelines.bad_input import BadInput
from pipelines.console.console import Boards
from pipelines.serve.board import Filter, Posted
from pipelines.silences import Silence
from pipelines.words.alert_words import AlertWords
from schemas.severity import SEVERITIES

ON_A_PAGE: Final = 100
MOST_PAGES: Final = 10_000
STATES: Final = ("open", "heard", "all")
TAKEN: Final = ("", "no", "yes")
MOST_SEARCH: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody asks the list for.

    `state`: `open`; `heard` leaves out what is silenced; `all` adds the last ones that are over. `taken`: `no` or `yes`
    for alerts that nobody, or somebody, has acknowledged. `text` must occur in the sentence or a label.
    """

    text: str = ""
    severity: str = ""
    device: str = ""
    taken: str = ""
    state: str = "open"
    page: int = 1

    def as_query(self) -> dict[str, object]:
        """Return it as an address has it, without the page and what is not asked for."""
        asked = {"q": self.text, "severity": self.severity, "device": self.device, "taken": self.taken}
        return {**asked, "state": "" if self.state == "open" else self.state}


def choice_of(query: Mapping[str, str]) -> Choice:
    """Read an address's query; BadInput says what is none."""
    page = query.get("page") or "1"
    if not page.isdecimal() or not 1 <= int(page[:9]) <= MOST_PAGES:
        raise BadInput(f"expected a page from 1 to {MOST_PAGES}, got {page[:40]!r}")
    return Choice(
        text=query.get("q", "").strip()[:MOST_SEARCH],
        severity=_one_of("severity", query.get("severity", ""), ("", *SEVERITIES)),
        device=query.get("device", "").strip()[:MOST_SEARCH],
        taken=_one_of("taken", query.get("taken", ""), TAKEN),
        state=_one_of("state", query.get("state") or "open", STATES),
        page=int(page),
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of alerts, how many there are in all, and how many of each severity; the worst first."""

    rows: list[dict[str, Any]]
    total: int
    counts: tuple[tuple[str, int], ...]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // ON_A_PAGE))


def alert_rows(boards: Boards, choice: Choice, now_us: int, words: AlertWords) -> Rows:
    """Return the page of alerts that is asked for, in the words of who asks."""
    wanted = Filter(frozenset([choice.device] if choice.device else ()), choice.severity or None)
    found = boards.alerts.find(wanted, ended=choice.state == "all")
    if choice.text:
        text = choice.text.casefold()
        rules = words.rules_saying(text)
        found = [one for one in found if _says(one, text) or one.alert.labels.get("alertname") in rules]
    silences = boards.silences.active(now_us)
    if choice.state == "heard":
        found = [one for one in found if not _silenced_by(one, silences, now_us)]
    if choice.taken:
        known = boards.alerts.acknowledged()
        found = [one for one in found if (one.alert.alert_id in known) is (choice.taken == "yes")]
    counts = Counter(one.alert.severity for one in found)
    shown = found[(choice.page - 1) * ON_A_PAGE : choice.page * ON_A_PAGE]
    rows = [_row(boards, one, silences, now_us, words) for one in shown]
    return Rows(rows, len(found), tuple((name, counts[name]) for name in SEVERITIES if counts[name]))


def _says(posted: Posted, text: str) -> bool:
    alert = posted.alert
    return text in alert.summary.casefold() or any(text in value.casefold() for value in alert.labels.values())


def _silenced_by(posted: Posted, silences: Sequence[Silence], now_us: int) -> Silence | None:
    return next((one for one in silences if one.covers(posted.alert.labels, now_us)), None)


def _row(boards: Boards, posted: Posted, silences: Sequence[Silence], now_us: int, words: AlertWords) -> dict[str, Any]:
    event: dict[str, Any] = orjson.loads(boards.alerts.json(posted))
    incident = boards.incidents.of_alert(posted.alert.alert_id)
    return {
        "fingerprint": posted.alert.fingerprint,
        "severity": posted.alert.severity,
        "summary": words.sentence(event),
        "rule": event.get("rule"),
        "device_id": event.get("device_id"),
        "site": posted.alert.labels.get("site"),
        "state": event.get("state"),
        "opened_at": event.get("opened_at"),
        "resolved_at": event.get("resolved_at"),
        "count": event.get("count"),
        "taken_by": event.get("acknowledged_by"),
        "verdict": event.get("verdict"),
        "said": len(event.get("comments") or ()),
        "silenced": _silenced_by(posted, silences, now_us) is not None,
        "incident_id": incident.incident_id if incident is not None else None,
    }


def _one_of(name: str, given: str, known: Sequence[str]) -> str:
    if given not in known:
        raise BadInput(f"expected {name} to be one of {', '.join(one for one in known if one)}, got {given[:40]!r}")
    return given
