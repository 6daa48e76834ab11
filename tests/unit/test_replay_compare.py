"""Comparing two sides: what is one alert, what differs in it, which answers differ, and how good the alerts are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.bad_input import BadInput
from pipelines.engines.layers import layers
from pipelines.engines.ticks import tick_record
from pipelines.pipeline import Pipeline
from pipelines.replay.compare import KINDS, AlertDifferences, Change, compare_alerts
from pipelines.replay.compare_answers import Said, compare_topic, label_of
from pipelines.replay.comparison import Comparison, SideFacts
from pipelines.replay.episodes import Episode, Episodes, read_episodes
from pipelines.replay.figures import label_matrix
from pipelines.replay.history import History, Span
from pipelines.replay.incidents import Incident, of_history, read_incidents
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.measure import Watched, measure_alerts, without_skill
from pipelines.replay.original_ticks import original_ticks
from pipelines.replay.survey import Survey
from pipelines.replay.words import verdict
from pipelines.seen_event import time_text
from schemas.alerts import ALERTS
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.device_logs import DEVICE_LOGS
from schemas.envelope import EVENT_ID_HEADER
from schemas.identity import identity
from schemas.record import Append
from schemas.ticks import TICKS
from schemas.topic import Topic
from tests.drawn_alerts import DAY, HOUR, MINUTE, alert
from tests.jobs.counting import COUNTS, NUMBERED, SILENCES


def compared(
    before: Sequence[Episode], after: Sequence[Episode], lost: Mapping[str, int] | None = None
) -> AlertDifferences:
    return compare_alerts(Episodes(tuple(before), lost or {}), Episodes(tuple(after), {}))


def test_equal_alerts_are_the_same() -> None:
    found = compared([alert("a"), alert("b", 9)], [alert("b", 9), alert("a")])
    assert (len(found.same), found.differing, found.share) == (2, 0, 0.0)


def test_nothing_on_either_side_does_not_differ() -> None:
    assert compared([], []).share == 0.0


def test_what_one_side_lacks_is_added_or_gone() -> None:
    found = compared([alert("a"), alert("b", 500)], [alert("a"), alert("c", 900)])
    assert [one.alert_id for one in found.added] == ["c"]
    assert [one.alert_id for one in found.gone] == ["b"]
    assert found.share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"fired_us": -5 * MINUTE}, ("earlier",)),
        ({"fired_us": 5 * MINUTE, "severity": "critical"}, ("later", "severity")),
        ({"state": "resolved", "resolved_us": MINUTE, "resolved_by": "clear"}, ("state",)),
        ({"category": "power"}, ("category",)),
        ({"count": 2, "evidence": ()}, ("count",)),
        ({"evidence": ({"event_id": "other"},)}, ("evidence",)),
        ({"summary": "in other words"}, ()),
    ],
)
def test_says_what_changed_in_an_alert(changes: dict[str, Any], kinds: tuple[str, ...]) -> None:
    """The sentence is made of the rest, so another sentence alone is no difference."""
    found = compared([alert("a")], [alert("a", **changes)])
    assert tuple(kind for change in found.changed for kind in change.kinds) == kinds
    assert found.differing == bool(kinds)
    assert set(kinds) == {kind for kind, count in found.by_kind().items() if count}


def test_ends_otherwise() -> None:
    found = compared([alert("a", until=10)], [alert("a", until=12)])
    assert found.changed[0].kinds == ("ended",)


def test_an_alert_that_opens_at_another_event_is_the_same_one() -> None:
    """Its id differs, for it names the opening event; the fingerprint and the time say that it is one alert."""
    found = compared([alert("a", 10, until=40)], [alert("b", 7, until=40)])
    (change,) = found.changed
    assert (found.added, found.gone) == ((), ())
    assert (change.kinds[0], change.sooner_s) == ("earlier", 180.0)


def test_pairs_the_closest_and_each_once() -> None:
    before = [alert("a", 10, until=11), alert("b", 14, until=15)]
    found = compared(before, [alert("c", 15, until=16)])
    assert [(one.before.alert_id, one.after.alert_id) for one in found.changed] == [("b", "c")]
    assert [one.alert_id for one in found.gone] == ["a"]


def test_far_apart_or_of_another_fingerprint_are_two_alerts() -> None:
    far = compared([alert("a", 0, until=1)], [alert("b", 7, until=8)])
    other = compared([alert("a", 0)], [alert("b", 0, fingerprint="g")])
    for found in (far, other):
        assert (len(found.added), len(found.gone), len(found.changed)) == (1, 1, 0)


def test_what_compaction_dropped_is_unknown_and_not_different() -> None:
    """The baseline keeps only the last alert of a fingerprint; what the candidate raises before it proves nothing."""
    last = alert("z", 600)
    found = compared([last], [alert("a", 5), last], lost={"f": 600 * MINUTE})
    assert [one.alert_id for one in found.unknown] == ["a"]
    assert found.differing == 0


def test_every_kind_of_a_change_is_declared() -> None:
    changed = alert("a", fired_us=1, severity="minor", state="resolved", category="x", count=3)
    assert set(compared([alert("a")], [changed]).changed[0].kinds) <= set(KINDS)


def broker_with(tmp_path: Path, name: str, topic: Topic, rows: Sequence[Mapping[str, Any]]) -> SqliteBroker:
    """A broker whose topic has these rows, in one partition, each with an event id of its own number."""
    broker = SqliteBroker(tmp_path / name, durability="off")
    broker.create_topics([topic])
    ids = [identity(row.get("n", number)).encode() for number, row in enumerate(rows)]
    records = [
        Append(topic.name, b"d1", orjson.dumps(row), ((EVENT_ID_HEADER, event_id),), partition=0)
        for row, event_id in zip(rows, ids, strict=True)
    ]
    broker.append(records)
    return broker


def revision(alert_id: str, number: int, at: int, **changes: Any) -> dict[str, Any]:
    time = f"2026-03-01T08:{at:02}:00.000000Z"
    known = {
        "fingerprint": "f", "alert_id": alert_id, "revision": number, "device_id": "d1", "event_time": time,
        "rule": "r", "state": "firing", "severity": "major", "summary": "s", "opened_at": time, "fired_at": time,
        "updated_at": time, "count": number,
        "evidence": [{"event_id": f"e{at}", "topic": "alarms", "partition": 0, "offset": at}],
    }  # fmt: skip
    return known | changes


def test_reads_each_alert_as_it_stood_last(tmp_path: Path) -> None:
    """Pending ones, and those that were taken back, are no alerts; what opened outside the range is not compared."""
    rows = [
        revision("a", 1, 1, fired_at=None, state="pending"),
        revision("a", 2, 1, count=7),
        revision("taken back", 3, 2, state="resolved", resolved_by="merged"),
        revision("pending", 4, 3, fired_at=None),
        revision("outside", 5, 50),
    ]
    with broker_with(tmp_path, "alerts.db", ALERTS, rows) as broker:
        found = read_episodes(broker, lambda topic, partition, offset: offset is not None and offset < 10)
    assert [(one.alert_id, one.count) for one in found.fired] == [("a", 7)]
    assert not found.lost


def test_revisions_behind_the_horizon_do_not_count(tmp_path: Path) -> None:
    rows = [revision("a", 1, 1), revision("a", 2, 30, evidence=revision("a", 1, 1)["evidence"], severity="critical")]
    with broker_with(tmp_path, "alerts.db", ALERTS, rows) as broker:
        everything = read_episodes(broker, lambda *_: True)
        limit = everything.fired[0].evidence  # the opening event says where, the time says how far
        assert limit[0]["offset"] == 1
        first = read_episodes(broker, lambda *_: True, lambda topic, partition: 1_772_352_300_000_000)  # 08:05
    assert (everything.fired[0].severity, first.fired[0].severity) == ("critical", "major")


def test_notices_that_compaction_dropped_revisions(tmp_path: Path) -> None:
    with broker_with(tmp_path, "alerts.db", ALERTS, [revision("z", 9, 40)]) as broker:
        found = read_episodes(broker, lambda *_: True)
    assert found.lost == {"f": found.fired[0].opened_us}


def enriched(number: int, category: str | None, model: str = "m1", **more: Any) -> dict[str, Any]:
    answer = None if category is None else {"label": category, "score": 0.5, "model": model, "words": None}
    place = {"event_id": f"e{number}", "topic": "device.logs", "partition": 0, "offset": number}
    return {
        "n": number, "device_id": "d1", "event_time": "2026-03-01T08:00:00Z", "message": f"line {number}",
        "hubbub": {"input": place, "late": False, "category": answer, "novelty": 0.1} | more,
    }  # fmt: skip


def test_counts_labels_from_one_side_to_the_other(tmp_path: Path) -> None:
    """Matched by id, in whatever order; another model's name alone changes bytes and no label."""
    before = [
        enriched(0, "power"),
        enriched(1, "power"),
        enriched(2, None),
        enriched(3, "network"),
        enriched(4, "power"),
    ]
    after = [
        enriched(0, "power"),
        enriched(2, "power"),
        enriched(1, "thermal", "m2"),
        enriched(3, "network", "m2"),
        enriched(5, "x"),
    ]
    name = DEVICE_LOGS_ENRICHED.name
    said: dict[str, Said] = {}
    with (
        broker_with(tmp_path, "a.db", DEVICE_LOGS_ENRICHED, before) as old,
        broker_with(tmp_path, "b.db", DEVICE_LOGS_ENRICHED, after) as new,
    ):
        found = compare_topic(name, old, new, wanted={"e1"}, said=said)
        first = compare_topic(name, old, new, lambda topic, partition, offset: offset == 1)
    assert (found.both, found.identical, found.only_before, found.only_after, found.differing) == (4, 1, 1, 1, 2)
    answer = found.answers["category"]
    expected = {("power", "power"): 1, ("power", "thermal"): 1, ("(none)", "power"): 1, ("network", "network"): 1}
    assert (dict(answer.pairs), answer.changed, answer.compared) == (expected, 2, 4)
    assert answer.examples["power", "thermal"][0].text == "line 1"
    assert said["e1"].before is not None and said["e1"].after is not None
    assert (said["e1"].before["category"]["model"], said["e1"].after["category"]["label"]) == ("m1", "thermal")
    assert (first.both, first.only_before, first.only_after, first.differing) == (1, 0, 0, 1)
    assert "novelty" not in found.answers, "a number is no label"
    figure = label_matrix(answer)
    assert figure is not None and figure["data"][0]["customdata"][0][0] in (0, 1)


def test_rows_without_answers_differ_by_their_bytes(tmp_path: Path) -> None:
    with (
        broker_with(tmp_path, "a.db", NUMBERED, [{"n": 0, "number": 1}, {"n": 1, "number": 2}]) as old,
        broker_with(tmp_path, "b.db", NUMBERED, [{"n": 0, "number": 1}, {"n": 1, "number": 3}]) as new,
    ):
        found = compare_topic(NUMBERED.name, old, new)
    assert (found.both, found.identical, found.differing, found.rows) == (2, 1, 1, 2)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ({"label": "power", "score": 0.2}, "power"),
        ({"label": None}, None),
        ({"is_anomaly": True, "kind": "spike"}, "true"),
        ("t-17", "t-17"),
        (0.7, None),
        (["a"], None),
        (None, None),
    ],
)
def test_an_answer_as_one_word(answer: object, label: str | None) -> None:
    assert label_of(answer) == label


# One device-day with two incidents of an hour each.
INCIDENTS = [Incident("d1", HOUR, 2 * HOUR, "fire"), Incident("d1", 10 * HOUR, 11 * HOUR, "flood")]
WATCHED = Watched(devices=1, first_us=0, until_us=DAY)


def test_measures_by_the_printed_definitions() -> None:
    """One right after ten minutes, one right only by its evidence, one false."""
    alerts = [
        alert("right", 70),
        alert("again", 90),
        alert("false", 600 + 61, evidence=()),
        alert("late", 11 * 60 + 5, evidence=({"event_id": "e", "event_time": time_text(10 * HOUR + MINUTE)},)),
        alert("elsewhere", 70, device_id="d2"),
    ]
    scores = measure_alerts(alerts, INCIDENTS, WATCHED)
    assert (scores.alerts, scores.right, scores.found, scores.incidents) == (5, 3, 2, 2)
    assert scores.precision == pytest.approx(0.6)
    assert scores.recall == 1.0
    assert scores.f1 == pytest.approx(0.75)
    assert scores.delay_s == pytest.approx((600 + 3900) / 2)
    assert scores.false_alarms_a_device_day == pytest.approx(2.0)
    assert scores.by_kind == {"fire": (1, 1), "flood": (1, 1)}


def test_an_alert_that_fired_before_counts_from_its_first_evidence_within() -> None:
    before = alert("a", 30, evidence=({"event_id": "e", "event_time": time_text(HOUR + 5 * MINUTE)},))
    assert measure_alerts([before], INCIDENTS[:1], WATCHED).delay_s == 300.0


def test_without_alerts_precision_has_no_meaning() -> None:
    scores = measure_alerts([], INCIDENTS, WATCHED)
    assert (scores.precision, scores.recall, scores.f1, scores.delay_s) == (None, 0.0, 0.0, None)


def test_what_needs_no_skill() -> None:
    """Always: 25 hours touched, 4 of them in an incident (each spans two clock hours). By chance: a 12th is right."""
    found = without_skill(12, INCIDENTS, WATCHED)
    assert found["never"].recall == 0.0
    assert (found["always"].alerts, found["always"].right, found["always"].recall) == (25, 4, 1.0)
    chance = found["by chance"]
    assert chance.precision == pytest.approx(2 / 24)
    assert chance.found == pytest.approx(2 * (1 - (23 / 24) ** 12))


def test_incidents_are_read_and_those_nobody_could_see_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(
        '{"device_id": "d1", "from": "1970-01-01T01:00:00Z", "until": "1970-01-01T02:00:00Z", "kind": "fire"}\n\n'
        '{"device_id": "d9", "from": "1970-01-01T01:00:00Z", "until": "1970-01-01T02:00:00Z", "note": 1}\n',
        encoding="utf-8",
    )
    found = read_incidents(path)
    assert found[0] == INCIDENTS[0]
    assert of_history(found, {"d1"}, 0, DAY) == ([INCIDENTS[0]], 1)
    assert of_history(found, {"d1"}, 3 * HOUR, DAY) == ([], 2)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[]", "line 1"),
        ('{"from": "1970-01-01T01:00:00Z"}', "expected a device_id"),
        ('{"device_id": "d", "from": "yesterday", "until": "1970-01-01T01:00:00Z"}', "`from`"),
        ('{"device_id": "d", "from": "1970-01-01T02:00:00Z", "until": "1970-01-01T01:00:00Z"}', "not before"),
        ("", "at least one incident"),
    ],
)
def test_refuses_what_is_no_incident(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(BadInput, match=sentence):
        read_incidents(path)


def test_ticks_lie_behind_the_same_event_as_in_the_original(tmp_path: Path) -> None:
    """The original wrote 5 rows and ticked behind the third and the last; the replay lacks the second row."""
    rows = [{"n": number} for number in range(5)]
    kept = [row for row in rows if row["n"] != 1]
    reader = Pipeline("counts", [DEVICE_LOGS], [], [NUMBERED])
    part, other = TopicPartition(NUMBERED.name, 0), TopicPartition(DEVICE_LOGS.name, 0)
    with (
        broker_with(tmp_path, "a.db", NUMBERED, rows) as original,
        broker_with(tmp_path, "b.db", NUMBERED, kept) as replayed,
    ):
        original.create_topics([TICKS])
        ticks = (
            ("counts", part, 3, 100),
            ("counts", part, 5, 200),
            ("counts", other, 7, 300),
            ("counts", other, 9, 400),
        )
        original.append([tick_record(f"g-{name}", place, offset, at) for name, place, offset, at in ticks])
        original.append([tick_record("another", part, 1, 999)])
        history = History(original, {other: Span(0, 0, 7)})
        assert original_ticks(history, "g", reader, replayed) == {part: [(2, 100), (4, 200)], other: [(7, 300)]}


def test_pipelines_run_behind_those_whose_topics_they_read() -> None:
    last = Pipeline("last", [NUMBERED], [], [Topic("t.out", NUMBERED.schema, "")])
    assert [[one.name for one in layer] for layer in layers([last, SILENCES, COUNTS])] == [
        ["silences", "counts"],
        ["last"],
    ]


def test_a_range_reads_its_warm_up_and_knows_that_it_is_cut(tmp_path: Path) -> None:
    now = [0]
    with SqliteBroker(tmp_path / "a.db", durability="off", clock=lambda: now[0]) as broker:
        broker.create_topics([DEVICE_LOGS])
        for second in range(10):
            now[0] = second * 1_000_000
            broker.append([Append(DEVICE_LOGS.name, None, b"{}", partition=3)])
        part = TopicPartition(DEVICE_LOGS.name, 3)
        found = kept_history(broker, [DEVICE_LOGS], Range(5_000_000, 8_000_000, warm_up_us=2_000_000))
        assert found.spans[part] == Span(3, 5, 8, cut=True)
        assert [found.compares(part.topic, 3, offset) for offset in (4, 5, 7, 8)] == [False, True, True, False]
        assert kept_history(broker, [DEVICE_LOGS], Range()).spans[part] == Span(0, 0, 10)


def facts(name: str, *alerts: Episode) -> SideFacts:
    return SideFacts(name, {}, 0.0, 0, alerts)


def test_the_verdict_is_one_sentence() -> None:
    one = Comparison("sqlite:x", ("alarms",), Survey(), facts("new", alert("a")))
    assert verdict(one) == "new: 1 alert would be raised"
    assert one.within_tolerance
    changed = AlertDifferences((), (), (), (Change(alert("a"), alert("a", count=2), ("count",)),))
    two = replace(one, baseline=facts("old", alert("a")), alerts=changed)
    assert verdict(two) == "1 of 1 alert differ (100 %)"
    assert not two.within_tolerance
    assert replace(two, tolerance=1.0).within_tolerance
    assert verdict(replace(two, alerts=AlertDifferences((alert("a"),), (), (), ()))).startswith("no alert differs")
