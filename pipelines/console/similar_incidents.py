"""Earlier incidents that are like one: same kind of trouble, same devices, same place, similar words. Told with why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipelines.console.incident_board import Known

MOST_SIMILAR: Final = 5
LEAST_SCORE: Final = 0.3
WEIGHTS: Final = {"cause": 0.3, "category": 0.25, "devices": 0.2, "words": 0.15, "kinds": 0.1}


@dataclass(frozen=True, slots=True)
class Similar:
    """One earlier incident. `score` in [0, 1]; `shared` names what both have: devices, and `category` by its name."""

    incident: Known
    score: float
    same_cause: bool
    same_category: bool
    devices: tuple[str, ...]


def similar_to(incident: Known, known: Iterable[Known]) -> list[Similar]:
    """Return the most similar incidents that began earlier, the most similar first."""
    words = _words(incident.cause)
    found = []
    for other in known:
        if other.incident_id == incident.incident_id or other.started_at >= incident.started_at:
            continue
        one = _similar(incident, words, other)
        if one.score >= LEAST_SCORE:
            found.append(one)
    found.sort(key=lambda one: one.incident.started_at, reverse=True)
    found.sort(key=lambda one: one.score, reverse=True)  # of equal ones the latest first
    return found[:MOST_SIMILAR]


def _similar(incident: Known, words: frozenset[str], other: Known) -> Similar:
    here = incident.site == other.site
    same_cause = here and incident.cause_device == other.cause_device
    same_category = bool(incident.category) and incident.category == other.category
    devices = frozenset(incident.devices) & frozenset(other.devices) if here else frozenset()
    score = (
        WEIGHTS["cause"] * same_cause
        + WEIGHTS["category"] * same_category
        + WEIGHTS["devices"] * _share(devices, incident.devices, other.devices)
        + WEIGHTS["words"] * _share(words & _words(other.cause), words, _words(other.cause))
        + WEIGHTS["kinds"] * _share(incident.kinds & other.kinds, incident.kinds, other.kinds)
    )
    shared = tuple(one for one in incident.devices if one in devices)
    return Similar(other, score, same_cause, same_category, shared)


def _share(common: Iterable[str], one: Iterable[str], other: Iterable[str]) -> float:
    """Return the share of both that they have in common (Jaccard)."""
    whole = len({*one, *other})
    return len({*common}) / whole if whole else 0.0


def _words(text: str) -> frozenset[str]:
    """Return the words of a text that are no numbers; of Chinese, its pairs of characters."""
    words = {word.strip('.,:;"()[]') for word in text.lower().split()}
    kept = {word for word in words if word and not any(one.isdigit() for one in word)}
    pairs = {word[i : i + 2] for word in kept if not word.isascii() for i in range(len(word) - 1)}
    return frozenset({word for word in kept if word.isascii()} | pairs)
