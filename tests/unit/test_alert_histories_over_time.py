"""Conditions over time: the history is the oracle's, whatever the order of arrival and wherever rows are cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alert_jobs import Job, batch_of
from tests.alert_oracle import Sign
from tests.alert_time_laws import cases, check_the_history, crowds, operator_of
from tests.alert_time_oracle import Terms


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(1, 60))
def test_arrival_within_the_lateness_leaves_the_history_of_the_oracle(
    case: tuple[Terms, list[Sign]], width: int
) -> None:
    check_the_history(*case, width)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 60))
def test_what_only_time_shows_is_never_taken_back(case: tuple[Terms, list[Sign]], width: int) -> None:
    terms, arrived = case
    revisions = check_the_history(terms, arrived, width)
    if terms.count > 1 or terms.groups or not (terms.for_s or terms.absent_s):
        return
    fired: set[str] = set()
    for row in revisions:
        if row["fired_at"] is not None:
            fired.add(row["alert_id"])
        else:
            assert row["alert_id"] not in fired, row


@settings(max_examples=60, deadline=None)
@given(crowds(), st.data())
def test_where_rows_are_cut_changes_nothing(
    case: tuple[Terms, list[tuple[str, str, Sign]]], data: st.DataObject
) -> None:
    terms, arrived = case
    batch = batch_of(arrived)
    operator = operator_of(terms)
    straight = Job(operator).run(batch)
    cuts = sorted(data.draw(st.lists(st.integers(0, batch.num_rows), max_size=5)))
    assert Job(operator).run(batch, cuts) == straight
    assert Job(operator).run(batch, range(1, batch.num_rows)) == straight
    ids = [row["event_id"] for row in straight]
    assert len(set(ids)) == len(ids)
    last = {row["fingerprint"]: row["state"] for row in straight}
    assert set(last.values()) <= {"resolved"}, "in the end nothing is open"
