"""The paragraph and the cause of an incident in the reader's language, told anew from its row.

The row is in the language of its site. What is told anew is shown only where telling it in the site's language gives
the very words of the row; else these are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from operators.incident_memory import Sight
from operators.incident_words import Told, cause_in_words, is_chinese, summary_in_words, told_of_sights
from pipelines.bad_input import BadInput
from pipelines.since import time_us
from schemas.severity import SEVERITIES

_TOLD_IN: Final = ("en", "zh")


def paragraph(incident: Mapping[str, Any], language: str) -> str:
    """Return an incident's paragraph in a language (`en` or `zh`), else as it was written."""
    return _anew(incident, language, "summary")


def cause(incident: Mapping[str, Any], language: str) -> str:
    """Return the probable cause in a language (`en` or `zh`), else as it was written."""
    return _anew(incident, language, "probable_cause")


def spoken(incident: Mapping[str, Any], language: str) -> str:
    """Return the language that the two are shown in."""
    written = str(incident.get("language") or "und")
    anew = paragraph(incident, language) != incident.get("summary")
    return language if anew or _same(written, language) else written


def _anew(incident: Mapping[str, Any], language: str, column: str) -> str:
    written = str(incident.get(column) or "")
    own = str(incident.get("language") or "und")
    if language not in _TOLD_IN or _same(own, language) or incident.get("evidence_counts") is None:
        return written
    told = _told(incident)
    say = summary_in_words if column == "summary" else cause_in_words
    if told is None or say(told, chinese=is_chinese(own)) != written:
        return written
    return say(told, chinese=is_chinese(language))


def _same(one: str, other: str) -> bool:
    return one.partition("-")[0].lower() == other.partition("-")[0].lower()


def _told(incident: Mapping[str, Any]) -> Told | None:
    """Read an incident's row as its words were made from; None for one that lacks something."""
    try:
        sights = [_sight(one) for one in incident["timeline"]]
        cause_device, devices = str(incident["probable_cause_device_id"]), [str(one) for one in incident["devices"]]
        others = [one for one in devices if one != cause_device]
        resolved = incident.get("resolved_at")
        return Told(
            site=str(incident["site"]),
            severity=SEVERITIES.index(str(incident["severity"])),
            category=incident.get("category"),
            cause=cause_device,
            cause_type=incident.get("probable_cause_type"),
            above=int(incident.get("hanging_count") or 0),
            silent=cause_device not in devices,
            devices=[*([cause_device] if cause_device in devices else []), *others],
            device_count=int(incident["device_count"]),
            counts=list(zip(incident["evidence_kinds"], incident["evidence_counts"], strict=True)),
            **told_of_sights(sights, cause_device),
            updated_at=time_us(str(incident["updated_at"]), 0),
            resolved_at=None if resolved is None else time_us(str(resolved), 0),
        )
    except (BadInput, KeyError, TypeError, ValueError, IndexError):
        return None


def _sight(entry: Mapping[str, Any]) -> Sight:
    text = entry.get("text")
    return Sight(
        time_us(str(entry["event_time"]), 0),
        str(entry["event_id"]),
        str(entry["device_id"]),
        str(entry["kind"]),
        str(entry["alert_id"]),
        SEVERITIES.index(str(entry["severity"])),
        None if text is None else str(text),
    )
