"""What belongs together becomes one incident: by device, by room, by what hangs on what, by a crowd of customers."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import pytest

from operators.correlate_incidents import STATE, CorrelateIncidents
from operators.incident_memory import MOST_INCIDENTS, MOST_LOOSE, MOST_SIGNALS, decode_memory
from pipelines.words.incident_words import cause, paragraph, spoken
from schemas.alerts_by_site import ALERTS_BY_SITE
from tests.registered_operators import row_batch
from tests.site_rows import alert_rows, registry_rows, time_of

HOUSE = registry_rows("""
    router | cabinet | -
    switch | cabinet | router
    ap     | hall    | switch
    camera | yard    | ap
    till   | shop    | ap
    panel  | office  | ap
    freezer | shop-back | ap
    fryer   | shop-back | ap
""")
FOREVER = 4_000_000_000_000_000


def said(rows: list[dict[str, Any]], until_us: int | None = None) -> list[dict[str, Any]]:
    """Run rows of one site through the operator, then let time pass; return the revisions."""
    operator = CorrelateIncidents()
    keys = pa.array([str(rows[0]["site"])])
    states = pa.RecordBatch.from_arrays([pa.nulls(1, field.type) for field in STATE], schema=STATE)
    states, made = operator.process(states, row_batch(ALERTS_BY_SITE, rows))
    found: list[dict[str, Any]] = made.to_pylist()
    if until_us is not None:
        found += operator.fire(keys, states, until_us)[1].to_pylist()
    return found


def last(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each incident as its last revision has it."""
    return list({row["incident_id"]: row for row in said(rows)}.values())


def test_evidence_of_two_kinds_of_one_device_is_an_incident_before_its_alarm() -> None:
    rows = alert_rows("""
        0  | freezer | telemetry | warning | -       | box_temp
        4  | freezer | log?      | minor   | thermal | compressor does not start
        30 | freezer | alarm     | major   | thermal | too warm
    """)
    first, *_, ended = said(rows)
    assert (first["state"], first["revision"], first["opened_at"].minute) == ("open", 1, 4)
    assert first["evidence_kinds"] == ["telemetry", "log"]
    assert (ended["severity"], ended["alert_count"], ended["device_count"]) == ("major", 3, 1)
    assert [one["text"] for one in ended["timeline"]] == ["box_temp", "compressor does not start", "too warm"]


@pytest.mark.parametrize(
    "table",
    [
        "\n".join(f"{i} | freezer | telemetry | warning | - | metric {i}" for i in range(9)),
        "0 | till | message | critical | safety_hazard | when is the fire drill?",
        "0 | till | log? | warning | software | odd\n70 | till | telemetry | warning | - | odd too",
        "0 | till | alarm | indeterminate | - | paper is low\n1 | till | alarm | indeterminate | - | asleep",
        "0 | till | message | major | network | slow\n1 | freezer | message | major | network | slow too",
    ],
    ids=["readings alone", "one message", "far apart", "notices", "two customers"],
)
def test_what_is_not_enough_opens_nothing(table: str) -> None:
    assert said([*HOUSE, *alert_rows(table)]) == []


def test_an_alarm_is_enough() -> None:
    [incident] = last(alert_rows("0 | till | alarm | major | power | no power"))
    assert incident["probable_cause_device_id"] == "till"


def test_neighbours_of_one_room_come_together_and_others_do_not() -> None:
    rooms = {"freezer": "shop-back", "fryer": "shop-back", "panel": "office"}
    rows = alert_rows(
        """
        0 | fryer   | log   | minor | thermal | oil boils over
        2 | freezer | alarm | major | thermal | too warm
        3 | panel   | alarm | major | thermal | too warm too
        """,
        rooms=rooms,
    )
    incidents = last([*HOUSE, *rows])
    assert sorted(sorted(one["devices"]) for one in incidents) == [["freezer", "fryer"], ["panel"]]


def test_what_others_hang_on_is_the_cause_though_it_showed_later() -> None:
    rows = alert_rows("""
        0 | till   | log?      | warning  | network      | host timed out
        1 | camera | log?      | warning  | network      | no platform
        2 | router | telemetry | warning  | -            | uplink_loss
        3 | router | log?      | minor    | network      | link lost
        4 | till   | message   | major    | connectivity | cards are refused
        9 | router | alarm     | critical | network      | uplink lost
    """)
    [incident] = last([*HOUSE, *rows])
    assert incident["probable_cause_device_id"] == "router"
    assert "2 of the devices hang on it" in incident["probable_cause"]
    assert sorted(incident["devices"]) == ["camera", "router", "till"]
    assert incident["category"] == "network"


def test_a_silent_device_that_all_hang_on_is_the_cause() -> None:
    rows = alert_rows("""
        0 | till   | log | warning | network | host timed out
        1 | camera | log | warning | network | no platform
        2 | panel  | log | warning | network | sync failed
    """)
    [incident] = last([*HOUSE, *rows])
    assert incident["probable_cause_device_id"] == "ap"
    assert "says nothing itself" in incident["summary"]


@pytest.mark.parametrize(("network_at", "freezer_at"), [(0, 30), (40, 0)], ids=["later", "before"])
def test_a_device_that_fails_by_itself_while_the_network_does_has_an_incident_of_its_own(
    network_at: int, freezer_at: int
) -> None:
    network = f"""
        {network_at}     | camera  | log   | warning  | network | broker unreachable
        {network_at + 1} | panel   | log   | warning  | network | sync failed
        {network_at + 2} | till    | log   | warning  | network | host timed out
        {network_at + 3} | freezer | log?  | warning  | network | report not sent
        {network_at + 4} | router  | alarm | critical | network | uplink lost
    """
    own = f"""
        {freezer_at}     | freezer | telemetry | warning | -       | box_temp
        {freezer_at + 5} | freezer | log       | major   | thermal | compressor does not start
    """
    rows = sorted([*alert_rows(network), *alert_rows(own)], key=lambda row: str(row["event_time"]))
    outage, failure = sorted(last([*HOUSE, *rows]), key=lambda one: -one["device_count"])
    assert {"camera", "panel", "till", "router"} <= set(outage["devices"])
    assert (failure["devices"], failure["category"]) == (["freezer"], "thermal")


def test_many_customers_who_report_the_same_are_one_incident() -> None:
    rows = alert_rows("""
        0 | a | message | major | connectivity | no internet
        3 | b | message | major | connectivity | offline
        7 | c | message | major | connectivity | nothing works
    """)
    [incident] = last(rows)
    assert sorted(incident["devices"]) == ["a", "b", "c"]
    assert incident["severity"] == "critical"  # major, and many are touched


def test_it_ends_an_hour_after_its_last_evidence_but_not_while_an_alarm_lasts() -> None:
    raised = "0 | till | alarm | major | power | no power"
    assert said(alert_rows(raised), FOREVER)[-1]["duration_s"] == 7 * 86_400
    cleared = alert_rows(f"{raised}\n20 | till | alarm/ | major | power | no power")
    end = said(cleared, FOREVER)[-1]
    assert (end["state"], end["resolved_at"]) == ("resolved", end["event_time"])
    assert end["duration_s"] == 80 * 60


def test_the_words_are_in_the_language_of_the_site_else_of_its_messages() -> None:
    rows = alert_rows("0 | till | alarm | major | power | 停电了")
    assert last(rows)[0]["language"] == "en"
    [incident] = last([*registry_rows("till | - | -", language="zh-CN"), *rows])
    assert incident["summary"].startswith("house 发生重要级供电问题：till。")
    heard = alert_rows(
        "0 | till | message | critical | power_battery | 停电了,快来\n1 | till | log | minor | power | no mains"
    )
    assert last(heard)[0]["language"] == "zh-CN"


def test_hostile_text_stays_text() -> None:
    [incident] = last(alert_rows("0 | till\u202e | alarm | major | - | \u001b[2J {summary} \u202e<script>"))
    assert "\x1b" not in incident["summary"]
    assert "\u202e" not in incident["summary"]
    assert "{summary}" in incident["summary"]


def test_thousands_of_alerts_stay_within_bounds() -> None:
    """Of one site: half of them are loose notices of devices of their own, half belong to one incident or open more."""
    lines = []
    for i in range(1500):
        lines.append(f"{i / 30} | lone-{i} | log? | warning | software | odd")
        lines.append(f"{i / 30} | {'till' if i % 3 else f'other-{i}'} | alarm | major | power | alarm {i}")
    operator = CorrelateIncidents()
    states = pa.RecordBatch.from_arrays([pa.nulls(1, field.type) for field in STATE], schema=STATE)
    batch = row_batch(ALERTS_BY_SITE, alert_rows("\n".join(lines)))
    for start in range(0, batch.num_rows, 1000):
        states, made = operator.process(states, batch.slice(start, 1000))
    memory = decode_memory(states.column("memory")[0].as_py())
    assert len(memory.loose) <= MOST_LOOSE
    assert len(memory.incidents) <= MOST_INCIDENTS
    assert max(len(one.signals) for one in memory.incidents) <= MOST_SIGNALS
    assert len(states.column("memory")[0].as_py()) < 250_000
    till = [row for row in made.to_pylist() if row["devices"] == ["till"]]
    assert till[-1]["alert_count"] >= 500
    assert len(till[-1]["timeline"]) <= 40


def test_an_incident_that_has_ended_is_not_opened_again_by_old_news() -> None:
    rows = alert_rows("""
        0   | till | message | critical | power_battery | no power
        1   | till | log     | minor    | power         | no mains
        300 | till | message/ | critical | power_battery | no power
        301 | till | log?    | warning  | software      | odd
    """)
    states = [row["state"] for row in said(rows)]
    assert states.count("open") == 1
    assert states[-1] == "resolved"
    assert time_of(300) not in str(said(rows))


@pytest.mark.parametrize("site_language", ["en", "zh-CN"])
def test_a_row_is_told_anew_in_the_other_language(site_language: str) -> None:
    """The console's reader need not read the site's language; what cannot be told anew stays as it was written."""
    rows = alert_rows("""
        0 | till   | log?    | warning  | network      | host timed out
        1 | camera | log?    | warning  | network      | no platform
        3 | router | log?    | minor    | network      | link lost
        4 | till   | message | major    | connectivity | cards are refused
        9 | router | alarm   | critical | network      | uplink lost
    """)
    [incident], [other] = (
        last([*({**row, "language": language} for row in HOUSE), *rows])
        for language in (site_language, "en" if site_language != "en" else "zh-CN")
    )
    event = orjson.loads(orjson.dumps(incident, option=orjson.OPT_UTC_Z))
    reader = other["language"][:2]
    assert (paragraph(event, reader), cause(event, reader)) == (other["summary"], other["probable_cause"])
    assert paragraph(event, site_language[:2]) == incident["summary"]
    assert (spoken(event, reader), spoken(event, site_language[:2])) == (reader, site_language[:2])
    without: list[dict[str, object]] = [{"evidence_counts": None}, {"timeline": []}, {"summary": "of an older hubbub"}]
    for lacking in without:
        old = {**event, **lacking}
        assert (paragraph(old, reader), spoken(old, reader)) == (old["summary"], site_language)
