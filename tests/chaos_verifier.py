"""What became of the lines: a process of its own that knows nothing of hubbub, with kafka-python alone.

`python chaos_verifier.py BOOTSTRAP LINES NUMBERED` reads both topics by assignment from offset 0, committed records
only, and prints one JSON object: how many lines were lost, came twice, came out of the order of their device, or have
a number that is not their place among their device's lines.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import Any

from kafka import KafkaConsumer, TopicPartition

PATIENCE_S = 300.0


def records(bootstrap: str, topic: str) -> dict[int, list[dict[str, Any]]]:
    """Every committed row by partition, in order."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False)
    parts = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    assert parts, f"there is no topic {topic}"
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    # With read_committed the end lies behind the last decided transaction: what is open hides what is behind it.
    ends = consumer.end_offsets(parts)
    found: dict[int, list[dict[str, Any]]] = {part.partition: [] for part in parts}
    until = time.monotonic() + PATIENCE_S
    while any(consumer.position(part) < ends[part] for part in parts):
        if time.monotonic() > until:
            places = ", ".join(f"{part.partition}: {consumer.position(part)} of {ends[part]}" for part in parts)
            raise SystemExit(f"{topic} cannot be read to its end: nothing for {PATIENCE_S:.0f} s at {places}")
        for part, some in consumer.poll(500, max_records=20_000).items():
            found[part.partition] += [json.loads(one.value) for one in some]
            until = time.monotonic() + PATIENCE_S
    consumer.close()
    return found


def verdict(lines: dict[int, list[dict[str, Any]]], numbered: dict[int, list[dict[str, Any]]]) -> dict[str, int]:
    """Compare what came out with what went in."""
    right: dict[int, int] = {}
    by_device: Counter[str] = Counter()
    for rows in lines.values():
        for row in rows:
            by_device[row["device_id"]] += 1
            right[row["seq"]] = by_device[row["device_id"]]
    seen = Counter(row["seq"] for rows in numbered.values() for row in rows)
    out_of_order = wrong = 0
    for rows in numbered.values():
        highest: dict[str, int] = {}
        met: set[int] = set()
        for row in rows:
            if row["seq"] in met:
                continue  # counted as doubled; the first one decides about order and number
            met.add(row["seq"])
            place = right.get(row["seq"], 0)
            out_of_order += place <= highest.get(row["device_id"], 0)
            highest[row["device_id"]] = max(place, highest.get(row["device_id"], 0))
            wrong += "number" in row and row["number"] != place
    return {
        "in": len(right),
        "out": sum(seen.values()),
        "lost": len(set(right) - set(seen)),
        "doubled": sum(count - 1 for count in seen.values()),
        "out_of_order": out_of_order,
        "wrong_number": wrong,
        "without_number": sum("number" not in row for rows in numbered.values() for row in rows),
        "devices": len(by_device),
    }


def main() -> None:
    """Read and print."""
    bootstrap, lines, numbered = sys.argv[1:]
    print(json.dumps(verdict(records(bootstrap, lines), records(bootstrap, numbered))))


if __name__ == "__main__":
    main()
