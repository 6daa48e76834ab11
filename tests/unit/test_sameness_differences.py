"""The suite's own eyes: a comparison that cannot see a difference would call everything the same."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.sameness_differences import differences, first_field
from tests.sameness_outcome import Outcome

HEADERS = (("ce_id", b"1"),)


def outcome() -> Outcome:
    found = Outcome()
    found.enriched[("alarms.enriched", "e1")] = (HEADERS, {"text": "fan", "hubbub": {"score": 0.5}})
    found.enriched[("alarms.enriched", "e2")] = (HEADERS, {"text": "fan", "hubbub": {"score": -0.0}})
    found.orders[("alarms.enriched", "d1")] = ["e1", "e2"]
    found.alerts["f1"] = [(HEADERS, {"state": "firing", "evidence": [{"event_id": "e1"}]})]
    found.letters = [("b'd1'", "b'{'", "dlq.reason=bad_json"), ("b'd1'", "b'{'", "dlq.reason=bad_json")]
    return found


def changed_score(one: Outcome) -> None:
    one.enriched[("alarms.enriched", "e2")][1]["hubbub"]["score"] = 0.0


def changed_header(one: Outcome) -> None:
    one.enriched[("alarms.enriched", "e1")] = ((("ce_id", b"2"),), one.enriched[("alarms.enriched", "e1")][1])


def lost_event(one: Outcome) -> None:
    del one.enriched[("alarms.enriched", "e1")]


def swapped_order(one: Outcome) -> None:
    one.orders[("alarms.enriched", "d1")].reverse()


def further_revision(one: Outcome) -> None:
    one.alerts["f1"].append((HEADERS, {"state": "resolved"}))


def changed_evidence(one: Outcome) -> None:
    one.alerts["f1"][0][1]["evidence"][0]["event_id"] = "e9"


def lost_letter(one: Outcome) -> None:
    one.letters.pop()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (changed_score, "event e2 of alarms.enriched at hubbub.score: expected -0.0, got 0.0"),
        (changed_header, "event e1 of alarms.enriched at headers[0][1]"),
        (lost_event, "event e1 of alarms.enriched: expected"),
        (swapped_order, 'order of events of d1 in alarms.enriched at [0]: expected "e1", got "e2"'),
        (further_revision, "alert f1 revision 2: expected nothing, got"),
        (changed_evidence, 'alert f1 revision 1 at evidence[0].event_id: expected "e1", got "e9"'),
        (lost_letter, "dead letter: expected"),
    ],
)
def test_each_kind_of_difference_is_named(change: Callable[[Outcome], None], named: str) -> None:
    came = copy.deepcopy(outcome())
    change(came)
    (found,) = differences(outcome(), came)
    assert str(found).startswith(named)


def test_the_same_is_the_same() -> None:
    assert differences(outcome(), outcome()) == []


def test_types_and_field_order_count() -> None:
    assert first_field({"a": 1}, {"a": 1.0}) == ("a", 1, 1.0)
    assert first_field({"a": 1, "b": 2}, {"b": 2, "a": 1}) is not None
