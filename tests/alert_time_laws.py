"""Laws of alert histories under conditions over time: rules and rows at random, and an oracle that knows better."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from operators.alert_rule import AlertRule, Flapping, SeverityFrom
from operators.condition import Condition
from operators.raise_alerts import RaiseAlerts
from schemas.identity import alert_id, identity
from tests.alert_jobs import Job, Row, arrivals, batch_of, history, told
from tests.alert_oracle import Sign
from tests.alert_time_oracle import Terms, expected_over_time
from tests.drawn_rows import LATENESS_S

FAR_S = 1500
spans = st.sampled_from([1, 3, 8, 20])
waits = st.sampled_from([0, 0, 2, 7, 25])
TERMS = st.one_of(
    st.builds(
        Terms,
        count=st.integers(1, 3),
        within_s=st.sampled_from([2, 5, 12]),
        resolve_after_s=st.sampled_from([1, 6, 15, 60]),
        for_s=waits,
        keep_firing_for_s=waits,
        flap_count=st.sampled_from([0, 1, 2]),
        flap_within_s=st.sampled_from([5, 20, 45]),
    ),
    st.builds(Terms, groups=st.sampled_from([2, 3]), within_s=spans, resolve_after_s=spans, for_s=waits),
    st.builds(Terms, absent_s=st.sampled_from([1, 4, 11, 30]), resolve_after_s=st.sampled_from([3, 20, 600])),
)


def operator_of(terms: Terms) -> RaiseAlerts:
    raises, clears = Condition("state", "==", "raise"), Condition("state", "==", "clear")
    is_absence = terms.absent_s > 0
    rule = AlertRule(
        name="over_time",
        source="alarm",
        when=() if is_absence else (raises,),
        clears=() if is_absence else (clears,),
        severity=SeverityFrom(("perceived_severity",), "indeterminate"),
        labels=(("code", "code"),),
        summary="{device_id}: {code} {counted} since {since}",
        count=terms.count,
        within_s=float(terms.within_s),
        resolve_after_s=float(terms.resolve_after_s),
        for_s=float(terms.for_s),
        keep_firing_for_s=float(terms.keep_firing_for_s),
        absent_s=float(terms.absent_s) if is_absence else None,
        flapping=Flapping(terms.flap_count, float(terms.flap_within_s)) if terms.flap_count else None,
        together=tuple((Condition("text", "contains", f"g{i}"),) for i in range(terms.groups)),
    )
    return RaiseAlerts((rule,))


@st.composite
def cases(draw: st.DrawFn, most_late_s: float = LATENESS_S) -> tuple[Terms, list[Sign]]:
    """A rule and rows about one fingerprint in the order of arrival."""
    terms = draw(TERMS)
    return terms, draw(arrivals(most_late_s=most_late_s, groups=terms.groups))


@st.composite
def crowds(draw: st.DrawFn) -> tuple[Terms, list[tuple[str, str, Sign]]]:
    """A rule and rows of three devices and two codes, some of them late."""
    terms, arrived = draw(cases(most_late_s=3 * LATENESS_S))
    chance = Random(draw(st.integers(0, 2**32)))
    return terms, [(chance.choice(["d1", "d2", "d3"]), chance.choice(["E-1", "E-2"]), sign) for sign in arrived]


def check_the_history(terms: Terms, arrived: list[Sign], width: int) -> list[Row]:
    batch = batch_of(("d1", "E-1", sign) for sign in arrived)
    assert not any(batch.column("late").to_pylist())
    revisions = Job(operator_of(terms)).run(batch, range(width, batch.num_rows, width))
    fingerprint = identity("alert", "over_time", "d1", "E-1")
    expected = expected_over_time(terms, arrived, FAR_S)
    found = history(revisions)
    assert set(found) == {alert_id(fingerprint, alert.opening_id) for alert in expected}
    for alert in expected:
        assert told(found[alert_id(fingerprint, alert.opening_id)], alert.opening_id) == alert
    # Revisions count without a gap, and the one that a compacted topic keeps is the newest alert's.
    assert [row["revision"] for row in revisions] == list(range(1, len(revisions) + 1))
    if expected:
        assert revisions[-1]["alert_id"] == alert_id(fingerprint, expected[-1].opening_id)
    return revisions
