"""What the topics and groups of a broker look like, whichever broker it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from infra.broker import Broker, TopicPartition
from pipelines.catalog import SHIPPED
from pipelines.doctor.finding import Finding
from pipelines.lag import Lag, lags_of, standing
from schemas.catalog import TOPICS
from schemas.dead_letters import DEAD_LETTERS

# Records that wait for so long are worth a second look, so much later, whether their group moves at all.
PATIENCE_S = 60.0
SECOND_LOOK_S = 1.5
_MOST_NAMED = 4


def look_at_topics(topics: dict[str, int]) -> list[Finding]:
    """Say which known topics have other partitions than this hubbub expects."""
    return [
        Finding("topics", "wrong", f"{name} has {topics[name]} partitions, this hubbub expects {topic.partitions}")
        for name, topic in TOPICS.items()
        if name in topics and topics[name] != topic.partitions
    ]


def look_at_groups(broker: Broker) -> list[Finding]:
    """Say what lies before each group that has read something; a job is one group for each pipeline."""
    lags = {group: lags_of(broker, group) for group in broker.groups()}
    if not lags:
        return [Finding("groups", "fine", f"no job has run here yet; `hubbub run` runs {', '.join(SHIPPED)}")]
    now_us = time.time_ns() // 1000
    slow = [group for group, found in lags.items() if any(lag.seconds(now_us) > PATIENCE_S for lag in found)]
    stand: dict[str, list[Lag]] = {}
    if slow:
        time.sleep(SECOND_LOOK_S)
        for group in slow:
            stand[group] = standing(lags[group], lags_of(broker, group), now_us=now_us, patience_s=PATIENCE_S)
    return [_finding(group, found, stand.get(group, ()), now_us) for group, found in lags.items()]


def look_at_dead_letters(broker: Broker, topics: dict[str, int]) -> list[Finding]:
    """Count the dead letters that are kept."""
    partitions = topics.get(DEAD_LETTERS.name, 0)
    bounds = [broker.bounds(TopicPartition(DEAD_LETTERS.name, number)) for number in range(partitions)]
    count = sum(end - first for first, end in bounds)
    if not count:
        return [Finding("dead letters", "fine", "none")]
    return [Finding("dead letters", "look", f"{count:,}; `hubbub dead-letters list` says why")]


def _finding(group: str, lags: Sequence[Lag], stand: Sequence[Lag], now_us: int) -> Finding:
    behind: Counter[str] = Counter()
    for lag in lags:
        behind[lag.part.topic] += lag.records
    told = ", ".join(f"{count:,} of {topic}" for topic, count in behind.items() if count)
    if not told:
        return Finding("groups", "fine", f"{group} has read everything")
    sentence = f"{group} is behind by {told}"
    oldest_s = max(lag.seconds(now_us) for lag in lags)
    if oldest_s > PATIENCE_S:
        sentence += f"; the first has waited for {_duration(oldest_s)}"
    if stand:
        named = ", ".join(str(lag.part) for lag in stand[:_MOST_NAMED])
        more = f" and {len(stand) - _MOST_NAMED} more" if len(stand) > _MOST_NAMED else ""
        sentence += f", and nothing moves in {named}{more}: no job of this group runs, or it hangs"
    return Finding("groups", "look", sentence)


def _duration(seconds: float) -> str:
    """Write a duration as a person would.

    >>> _duration(90), _duration(7300)
    ('1 min', '2 h')
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
