"""Events as readable lines; what a device or a customer wrote passes through safe_text before a terminal sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.seen_event import SeenEvent
from schemas.alerts import ALERTS
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

Paint = Callable[[str, str], str]  # (text, severity) -> the text, in the severity's colour where there are colours
_MOST_DEVICE_CHARACTERS = 24
_MOST_TEXT_CHARACTERS = 160


def plain(text: str, severity: str) -> str:
    """Paint nothing."""
    return text


def line_of(seen: SeenEvent, paint: Paint = plain) -> str:
    """Return one line for an event, whatever its topic."""
    if seen.event is None:
        what = seen.problem or ("removed" if seen.record.value is None else f"{len(seen.record.value)} bytes")
        key = "" if seen.record.key is None else seen.record.key.decode("utf-8", "replace")
        return f"{short_time(seen.arrived)}  {seen.part}@{seen.record.offset}  {safe_text(key, 40)}  {safe_text(what)}"
    event = seen.event
    severity = severity_of(event) or ""
    parts = [short_time(str(event.get("event_time", "")))]
    if seen.part.topic == ALERTS.name:
        parts += [paint(f"{severity:<13}", severity), f"{_text(event, 'state', 8):<8}"]
        parts += [f"{_text(event, 'device_id', _MOST_DEVICE_CHARACTERS):<16}", _text(event, "summary", 240)]
    else:
        parts += [f"{_text(event, 'device_id', _MOST_DEVICE_CHARACTERS):<16}"]
        if severity:
            parts.append(paint(f"{severity:<13}", severity))
        parts += [_body(event), _answers(event)]
    return "  ".join(part for part in parts if part).rstrip()


def evidence_lines(event: Mapping[str, Any]) -> list[str]:
    """Return a line for each piece of evidence of an alert, indented."""
    evidence = event.get("evidence")
    pieces = [one for one in evidence if isinstance(one, dict)] if isinstance(evidence, list) else []
    return [f"    {short_time(str(one.get('event_time', '')))}  {_evidence(one)}" for one in pieces]


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
    return f"{_text(event, 'metric', 60)} = {number} {_text(event, 'unit', 20)}".rstrip()


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


def _evidence(one: Mapping[str, Any]) -> str:
    parts = [f"{_text(one, 'kind', 12):<9}", f"{_text(one, 'event_id', 32)[:8]:<8}"]
    if one.get("metric") is not None:
        low, high = one.get("expected_low"), one.get("expected_high")
        expected = (
            f", expected {low:g} to {high:g}" if isinstance(low, int | float) and isinstance(high, int | float) else ""
        )
        parts.append(_reading(one) + expected)
    elif one.get("text") is not None:
        parts.append(f'"{_text(one, "text", _MOST_TEXT_CHARACTERS)}"')
    if one.get("label") is not None:
        parts.append(f"{_text(one, 'label', 40)} {_score(one)}".rstrip())
    words = one.get("words")
    if isinstance(words, list) and words:
        parts.append(f"because of {', '.join(safe_text(str(word), 40) for word in words[:5])}")
    return "  ".join(parts)
