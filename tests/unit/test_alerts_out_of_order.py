"""Alerts whose rows come in another order than they happened: what is told in the end, and what is taken back."""

from __future__ import annotations

import pytest

from schemas.answers import ALARMS_ENRICHED
from tests.alert_revisions import RAISE, no_memory, raised, said
from tests.drawn_rows import rows


def test_an_earlier_match_that_comes_later_takes_the_alert_in() -> None:
    revisions = raised(
        rows(
            ALARMS_ENRICHED,
            """
            event_id | event_time | code | state
            b        | 08:00:05   | E-1  | raise
            a        | 08:00:00   | E-1  | raise
            """,
        )
    )
    assert said(revisions, "state", "revision", "opened_at", "resolved_by", "count") == [
        "firing 1 08:00:05 None 1",
        "resolved 2 08:00:05 merged 1",
        "firing 3 08:00:00 None 2",
    ]
    assert ("merged_into", revisions[2]["alert_id"]) in revisions[1]["annotations"]
    assert revisions[0]["alert_id"] == revisions[1]["alert_id"] != revisions[2]["alert_id"]


def test_a_clear_that_comes_before_its_raise_still_clears() -> None:
    revisions = raised(
        rows(
            ALARMS_ENRICHED,
            """
            event_time | code | state
            08:00:05   | E-1  | clear
            08:00:00   | E-1  | raise
            """,
        )
    )
    assert said(revisions, "state", "opened_at", "resolved_at", "resolved_by") == ["resolved 08:00:00 08:00:05 clear"]


def test_a_clear_in_between_parts_one_alert_into_two_and_the_newest_has_the_last_word() -> None:
    revisions = raised(
        rows(
            ALARMS_ENRICHED,
            """
            event_time | code | state
            08:00:00   | E-1  | raise
            08:00:06   | E-1  | raise
            08:00:03   | E-1  | clear
            08:00:01   | E-1  | raise
            """,
        )
    )
    assert said(revisions, "state", "opened_at", "resolved_at", "count") == [
        "firing 08:00:00 None 1",
        "firing 08:00:00 None 2",
        "resolved 08:00:00 08:00:03 1",
        "firing 08:00:06 None 1",
        "resolved 08:00:00 08:00:03 2",
        "firing 08:00:06 None 1",
    ]


def test_a_clear_in_between_finds_the_evidence_of_both_halves_in_memory() -> None:
    lines = [f"08:00:{i:02d} | E-1 | raise | r{i:02d}" for i in range(1, 21)]
    table = "event_time | code | state | event_id\n" + "\n".join([*lines, "08:00:10.5 | E-1 | clear | c"])
    batch = rows(ALARMS_ENRICHED, table, lateness_s=60)
    states, _ = RAISE.process(no_memory(RAISE, 1), batch.slice(0, 20))
    _, out = RAISE.process(states, batch.slice(20))
    assert [[e["event_id"] for e in row["evidence"]] for row in out.to_pylist()] == [
        ["r01", "r02", "r03", "r06", "r07", "r08", "r09", "r10"],
        ["r11", "r12", "r13", "r16", "r17", "r18", "r19", "r20"],
    ]


@pytest.mark.parametrize("behind", range(12))
def test_a_match_between_others_takes_its_place_in_the_evidence(behind: int) -> None:
    times = [f"{i:02d}" for i in range(1, 13)]
    between = f"{12 - behind:02d}.5"
    lines = [f"08:00:{time} | E-1 | raise | r{time}" for time in [*times, between]]
    # The clear ends it within the same call.
    lines.append("08:00:30 | E-1 | clear | c")
    batch = rows(ALARMS_ENRICHED, "\n".join(["event_time | code | state | event_id", *lines]), lateness_s=60)
    in_order = sorted([*times, between])
    assert [e["event_id"] for e in raised(batch)[-1]["evidence"]] == [f"r{t}" for t in [*in_order[:3], *in_order[-5:]]]


@pytest.mark.parametrize(("before", "after"), [("raise", "firing"), ("clear", "resolved")])
def test_at_one_instant_what_is_open_is_cleared_first_and_what_is_not_is_raised_first(before: str, after: str) -> None:
    """A device that counts seconds alternates: raise, (clear, raise) is open again; (raise, clear) is over."""
    for states in (("raise", "clear"), ("clear", "raise")):
        revisions = raised(
            rows(
                ALARMS_ENRICHED,
                f"""
                event_time | code | state
                08:00:00   | E-1  | {before}
                08:00:01   | E-1  | {states[0]}
                08:00:01   | E-1  | {states[1]}
                """,
            )
        )
        assert revisions[-1]["state"] == after


def test_a_late_row_counts_at_its_watermark() -> None:
    revisions = raised(
        rows(
            ALARMS_ENRICHED,
            """
            device_id | event_time | code | state
            other     | 09:00:10   | X    | raise
            d1        | 08:00:00   | E-1  | raise
            d1        | 08:30:00   | E-1  | clear
            """,
        )
    )
    late = [row for row in revisions if row["device_id"] == "d1"]
    assert said(late, "state", "event_time", "opened_at", "resolved_at") == [
        "firing 08:00:00 09:00:00 None",
        "resolved 08:30:00 09:00:00 09:00:00",
    ]
    assert said(late[0]["evidence"], "event_time") == ["08:00:00"]


def test_the_same_event_twice_counts_once() -> None:
    table = """
        event_id | event_time | code | state
        a        | 08:00:00   | E-1  | raise
        a        | 08:00:00   | E-1  | raise
    """
    assert said(raised(rows(ALARMS_ENRICHED, table)), "state", "count") == ["firing 1"]
