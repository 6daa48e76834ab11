"""`make bench-alerts`: from an event to its alert on Kafka, many devices, an alert storm, one large incident."""

from __future__ import annotations

from pathlib import Path

from infra.local.kafka import LocalKafka
from tests.bench.figures import json_of, keep, machine, table

RATE, SECONDS, RUNS = 500, 20, 3
DEVICES, OPEN, HOURS = 100_000, 10_000, 61
STORM, STORM_S = 100_000, 60
ALARMS, TOUCHED = 10_000, 300


def test_from_an_event_to_its_alert(tmp_path: Path) -> None:
    """Readings at 500/s on a real Kafka; a tenth of them raise an alert, which `hubbub subscribe` prints."""
    rows = []
    with LocalKafka(tmp_path / "kafka") as kafka:
        for number in range(RUNS):
            where = (f"kafka://{kafka.bootstrap}", f"run{number}.", "kafka-python")
            rows.append(_latency("Kafka", json_of("alert_latency.py", "alerts", RATE, SECONDS, *where)))
    rows.append(_latency("SQLite", json_of("alert_latency.py", "alerts", RATE, SECONDS)))
    text = table(["broker", "alerts", "p50", "p90", "p99", "most", "load before and after"], rows)
    print("\n" + text)
    keep("from event to alert", f"{machine()}\n\n{text}")


def _latency(name: str, found: dict[str, object]) -> list[str]:
    times = [f"{found[share]:.0f} ms" for share in ("p50", "p90", "p99", "most")]
    return [name, str(found["alerts"]), *times, f"{found['load_before']}, {found['load_after']}"]


def test_many_devices() -> None:
    """Memory with 100,000 devices and 10,000 open alerts, hour after hour of event time."""
    found = json_of("many_devices.py", DEVICES, OPEN, HOURS)
    memory = found["memory_mb"]
    text = (
        f"{found['devices']:,} devices, {found['open']:,} open alerts, {found['readings']:,} readings in "
        f"{found['hours']} hours of event time: {memory[0]:.0f} MB behind the first hour, "
        f"{memory[len(memory) // 2]:.0f} at half, "
        f"{memory[-1]:.0f} in the end, {max(memory):.0f} at most."
    )
    print("\n" + text)
    keep("many devices", f"{machine()}\n\n{text}")


def test_an_alert_storm() -> None:
    """100,000 alerts within a minute, through `hubbub notify` and `hubbub serve`."""
    found = json_of("alert_storm.py", STORM, STORM_S)
    assert found["told"]["phone"] >= found["wanted"]["phone"] and found["told"]["team"] >= found["wanted"]["team"]
    peak, cpu = found["peak_mib"], found["cpu_s"]
    rows = [
        ["all told after", f"{found['told_s']:.0f} s"],
        [
            "notifications, grouped by site; by device, 30 a minute",
            "; ".join(map(str, found["notifications"].values())),
        ],
        ["the largest", f"{found['largest_bytes'] / 1000:.0f} KB"],
        ["`hubbub notify`", f"{cpu['notify']:.0f} s of CPU, {peak['notify']} MiB at most"],
        ["`hubbub serve`", f"{cpu['serve']:.0f} s of CPU, {peak['serve']} MiB at most"],
        ["a page of the open alerts, at worst meanwhile", f"{found['page_ms_meanwhile']} ms"],
        [f"a page with {found['open']:,} open alerts", f"{found['page_ms_after']} ms"],
    ]
    text = table([f"{STORM:,} alerts within {found['came_s']:.0f} s", "figure"], rows)
    print("\n" + text)
    keep("alert storm", f"{machine()}\n\n{text}")


def test_one_large_incident() -> None:
    """10,000 alarms of one site that belong together."""
    found = json_of("big_incident.py", ALARMS, TOUCHED)
    memory = found["largest_memory"]
    text = (
        f"{found['alarms']:,} alarms of {found['devices']} devices of a site within half an hour: {found['incidents']} "
        f"incident of {found['counted'][0]:,} events in {found['revisions']:,} revisions, the largest "
        f"{found['largest_revision'] / 1000:.0f} KB; its memory {memory['hubbub-incidents'] / 1000:.0f} KB, a device's "
        f"{memory['hubbub-alerts'] / 1000:.0f} KB; {found['cpu_s']:.0f} s of CPU for all three pipelines, "
        f"{found['peak_mib']} MiB at most."
    )
    print("\n" + text)
    keep("large incident", f"{machine()}\n\n{text}")
