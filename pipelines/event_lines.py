"""Events as readable lines; what a device or a customer wrote passes through safe_text before a terminal sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from operators.words import listed
from pipelines.seen_event import SeenEvent
from pipelines.words.alert_words import AlertWords
from pipelines.words.languages import translation_to
from pipelines.words.translation import Translation
from schemas.alerts import ALERTS
from schemas.incidents import INCIDENTS
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES
from schemas.unit_sign import unit_sign

Paint = Callable[[str, str], str]  # (text, severity) -> the text, in the severity's colour where there are colours
AS_WRITTEN: Final = AlertWords((), translation_to(None))
"""Alerts and incidents in the words of their events."""
_MOST_DEVICE_CHARACTERS = 24
_MOST_TEXT_CHARACTERS = 160


def plain(text: str, severity: str) -> str:
    """Paint nothing."""
    return text


def line_of(seen: SeenEvent, paint: Paint = plain, words: AlertWords = AS_WRITTEN) -> str:
    """Return one line for an event, whatever its topic; `words` says alerts and incidents in a language."""
    if seen.event is None:
        what = seen.problem or ("removed" if seen.record.value is None else f"{len(seen.record.value)} bytes")
        key = "" if seen.record.key is None else seen.record.key.decode("utf-8", "replace")
        return f"{short_time(seen.arrived)}  {seen.part}@{seen.record.offset}  {safe_text(key, 40)}  {safe_text(what)}"
    event, say = seen.event, words.translation.say
    severity = severity_of(event) or ""
    shown = paint(padded(say(severity), 13), severity) if severity else ""
    state = say(_text(event, "state", 8))
    device = padded(_text(event, "device_id", _MOST_DEVICE_CHARACTERS), 16)
    parts = [short_time(str(event.get("event_time", "")))]
    if seen.part.topic == ALERTS.name:
        parts += [shown or " " * 13, padded(state, 8), device, safe_text(words.sentence(event), 240)]
    elif seen.part.topic == INCIDENTS.name:
        site = padded(_text(event, "site", _MOST_DEVICE_CHARACTERS), 16)
        parts += [shown or " " * 13, padded(state, 8), site, safe_text(words.paragraph(event), 800)]
    else:
        parts += [device, shown, _body(event), _answers(event)]
    return "  ".join(part for part in parts if part).rstrip()


def evidence_lines(event: Mapping[str, Any], words: AlertWords = AS_WRITTEN) -> list[str]:
    """Return a line for each piece of evidence of an alert, indented."""
    evidence = event.get("evidence")
    pieces = [one for one in evidence if isinstance(one, dict)] if isinstance(evidence, list) else []
    return [f"    {short_time(str(one.get('event_time', '')))}  {_evidence(one, words.translation)}" for one in pieces]


def severity_of(event: Mapping[str, Any]) -> str | None:
    """Return how bad an event says it is; of an enriched alarm, what hubbub says where it says nothing itself."""
    said = event.get("severity")
    if said is None:
        answers = event.get("hubbub")
        label = answers.get("severity") if isinstance(answers, dict) else None
        said = label.get("label") if isinstance(label, dict) else None
    return said if said in SEVERITIES else None


def is_at_least(event: Mapping[str, Any], least: str) -> bool:
    """Tell whether an event is at least as bad as `least`; one that does not say how bad it is, is not."""
    severity = severity_of(event)
    return severity is not None and SEVERITIES.index(severity) <= SEVERITIES.index(least)


def has_fired(event: Mapping[str, Any]) -> bool:
    """Tell whether somebody should be told of it: any event, but an alert only once its rule was fulfilled."""
    return "fingerprint" not in event or event.get("fired_at") is not None


def short_time(text: str) -> str:
    """Shorten a time to seconds: they are what a person reads."""
    return f"{text[:19]}Z" if len(text) > 20 and text.endswith("Z") else safe_text(text, 32)


def padded(text: str, width: int) -> str:
    """Fill a text with blanks to a column's width; wide characters (Chinese) count as two, as terminals do."""
    if text.isascii():
        return text.ljust(width)
    from rich.cells import cell_len  # noqa: PLC0415 - only where there are such

    return text + " " * (width - cell_len(text))


def _text(event: Mapping[str, Any], name: str, most: int) -> str:
    value = event.get(name)
    return safe_text(str(value), most) if value is not None else ""


def _body(event: Mapping[str, Any]) -> str:
    if event.get("metric") is not None:
        return _reading(event)
    component = _text(event, "component", 40)
    text = _text(event, "message", _MOST_TEXT_CHARACTERS) or _text(event, "text", _MOST_TEXT_CHARACTERS)
    code = _text(event, "code", 40)
    intent = _text(event, "intent", 40)
    return ": ".join(part for part in (component or code or intent, text) if part)


def _reading(event: Mapping[str, Any]) -> str:
    value = event.get("value")
    number = f"{value:g}" if isinstance(value, int | float) else "no value"
    return f"{_text(event, 'metric', 60)} = {number} {unit_sign(_text(event, 'unit', 20))}".rstrip()


def _answers(event: Mapping[str, Any]) -> str:
    answers = event.get("hubbub")
    if not isinstance(answers, dict):
        return ""
    said = []
    for name, answer in answers.items():
        if isinstance(answer, dict) and answer.get("label") is not None:
            said.append(f"{name}={safe_text(str(answer['label']), 40)} {_score(answer)}".rstrip())
        elif isinstance(answer, dict) and answer.get("is_anomaly") is not None:
            kind = f" {safe_text(str(answer['kind']), 40)}" if answer.get("kind") else ""
            said.append(f"{name}={'yes' if answer['is_anomaly'] else 'no'} {_score(answer)}{kind}")
    return f"[{', '.join(said)}]" if said else ""


def _score(answer: Mapping[str, Any]) -> str:
    score = answer.get("score")
    return f"{score:.2f}" if isinstance(score, int | float) else ""


def _evidence(one: Mapping[str, Any], words: Translation) -> str:
    parts = [padded(words.say(_text(one, "kind", 12)), 9), f"{_text(one, 'event_id', 32)[:8]:<8}"]
    if one.get("metric") is not None:
        reading, low, high = _reading(one), one.get("expected_low"), one.get("expected_high")
        if isinstance(low, int | float) and isinstance(high, int | float):
            ends = {"low": f"{low:g}", "high": f"{high:g}"}
            reading = words.say("{reading}, expected {low} to {high}", reading=reading, **ends)
        parts.append(reading)
    elif one.get("text") is not None:
        parts.append(f'"{_text(one, "text", _MOST_TEXT_CHARACTERS)}"')
    if one.get("label") is not None:
        parts.append(f"{words.say(_text(one, 'label', 40))} {_score(one)}".rstrip())
    marked = one.get("words")
    if isinstance(marked, list) and marked:
        which = listed("{one}, {other}", (safe_text(str(word), 40) for word in marked[:5]), words.say)
        parts.append(words.say("because of {words}", words=which))
    return "  ".join(parts)
