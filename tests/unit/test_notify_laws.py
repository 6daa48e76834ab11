"""Laws of the notifier's decisions, over random histories: a death changes nothing, and everybody ends up knowing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipelines.notify.book import Notification
from pipelines.notify.plan import HOUR, Receiver, Route, Step
from schemas.matcher import parse_matcher
from tests.told_world import MINUTE, SECOND, World, alert, plan

NAMES = "abcde"
SITES = ("lab", "home")
PLAN = plan(
    Route(
        "bad",
        "phone",
        (parse_matcher("severity=critical"),),
        group_by=("device_id",),
        escalate=(Step(15 * MINUTE, "team"),),
        continues=True,
    ),
    Route("lab", "am", (parse_matcher("site=lab"),), group_by=("site", "room"), continues=True),
    Route("rest", "team", group_by=("site", "room")),
    receivers=[Receiver("phone", "webhook", rate_limit=2), Receiver("am", "alertmanager", rate_limit=0)],
)

# (what happens, to whom, how bad)
ACTION = st.one_of(
    st.tuples(st.just("raise"), st.sampled_from(NAMES), st.sampled_from(["critical", "minor"])),
    st.tuples(st.just("clear"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("acknowledge"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(["office", "cellar"])),
    st.tuples(st.just("pass"), st.just(""), st.sampled_from(["1", "40", "400", "2000", "20000"])),
    st.tuples(st.just("deliver"), st.just(""), st.sampled_from(["0", "1"])),
    st.tuples(st.just("give up"), st.just(""), st.just("")),
)
ACTIONS = st.lists(ACTION, max_size=40)


def play(actions: Sequence[tuple[str, str, str]], deaths: Sequence[bool] = ()) -> World:
    """Let things happen; after the n-th of them the process dies if `deaths` says so."""
    world = World(PLAN)
    revisions: dict[str, int] = {}
    rooms: dict[str, dict[str, str]] = {}

    def told_of(name: str, severity: str, *, firing: bool) -> None:
        one = alert(name, severity, revision=revisions[name], firing=firing, site=SITES[ord(name) % 2])
        world.take(replace(one, device_id=name).at_place(rooms.get(name, {})))

    for number, (what, name, how) in enumerate(actions):
        revisions[name] = revisions.get(name, 0) + 1
        on_the_way = world.decisions.on_their_way()
        if what == "raise":
            told_of(name, how, firing=True)
        elif what == "clear":
            told_of(name, "minor", firing=False)
        elif what == "move":
            rooms[name] = {"room": how}
            world.decisions.relocate({name}, lambda device, at_us: rooms[device], world.now_us)
        elif what == "remove":
            world.decisions.forget(name, world.now_us)
        elif what == "acknowledge":
            world.decisions.acknowledge(name)
        elif what == "pass":
            world.after(int(how) * SECOND, deliver=False)
        elif what == "deliver":
            world.deliver(on_the_way[: 1 + int(how)])
        elif on_the_way:
            world.decisions.given_up(on_the_way[-1].id, world.now_us)
        world.commit()
        if deaths and deaths[number % len(deaths)]:
            world.die()
    return world


def settle(world: World) -> None:
    """Everything that is on its way arrives, and half a day passes."""
    world.deliver(world.decisions.on_their_way())
    world.after(12 * HOUR)


@given(ACTIONS, st.lists(st.booleans(), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_death_changes_nothing(actions: list[tuple[str, str, str]], deaths: list[bool]) -> None:
    """The same notifications at the same times under the same ids with the same words, wherever the process dies."""
    one, other = play(actions), play(actions, deaths)
    settle(one)
    settle(other)
    assert one.sent == other.sent
    assert one.rows == other.rows


@given(ACTIONS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_in_the_end_everybody_knows_how_things_are(actions: list[tuple[str, str, str]]) -> None:
    world = play(actions)
    settle(world)
    ids = [one.id for one in world.sent]
    assert len(ids) == len(set(ids))
    firing: dict[str, str] = {}
    for what, name, how in actions:
        if what == "raise":
            firing[name] = how
        elif what in ("clear", "remove"):
            firing.pop(name, None)
    known = last_told(world.sent)
    for name in NAMES:
        for receiver in ("team", "phone", "am"):
            state = known.get((receiver, name))
            wanted = receiver == "team" or (receiver == "am" and SITES[ord(name) % 2] == "lab")
            if name not in firing:
                assert state in (None, "resolved"), (receiver, name)
            elif wanted or (receiver == "phone" and firing[name] == "critical"):
                assert state == "firing", (receiver, name)


def last_told(sent: Sequence[Notification]) -> dict[tuple[str, str], Any]:
    """What each receiver believes of each alert, if it got everything in the order of the decisions."""
    known: dict[tuple[str, str], Any] = {}
    for one in sent:
        body = orjson.loads(one.body)
        if one.receiver == "am":
            ends = {a["labels"]["device_id"]: a["endsAt"] for a in body}
            decided = one.decided_us
            for name, end in ends.items():
                known[one.receiver, name] = "firing" if end > _text(decided) else "resolved"
        elif one.reason != "escalation":
            for a in body["alerts"]:
                known[one.receiver, a["fingerprint"]] = a["status"]
    return known


def _text(us: int) -> str:
    from pipelines.seen_event import time_text

    return time_text(us)
