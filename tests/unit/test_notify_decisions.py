"""Which notification, when, to whom: the notifier's decisions, with a time that the test sets."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from msgspec.structs import replace as changed

from pipelines.notify.alert import Alert
from pipelines.notify.plan import HOUR, InhibitRule, Receiver, Route, Step
from pipelines.notify.time_interval import parse_interval
from pipelines.silences import Silence
from schemas.matcher import Matcher, parse_matcher
from tests.told_world import MINUTE, SECOND, START, World, alert, named, plan


def matchers(*texts: str) -> tuple[Matcher, ...]:
    return tuple(map(parse_matcher, texts))


def test_a_new_group_waits_so_that_what_belongs_together_is_told_together() -> None:
    world = World(plan())
    world.take(alert("a"))
    assert world.after(20 * SECOND) == []
    world.take(alert("b", "critical"))
    [told] = world.after(10 * SECOND)
    assert named(told) == {"b": "firing", "a": "firing"}
    assert list(named(told)) == ["b", "a"]  # the worst first
    assert told.title == "2 firing: alertname=too-warm"


def test_what_changes_waits_for_the_interval_and_the_rest_is_repeated_later() -> None:
    world = World(plan())
    world.take(alert("a"))
    world.after(30 * SECOND)
    world.take(alert("b"))
    assert world.after(4 * MINUTE + 59 * SECOND) == []
    [told] = world.after(SECOND)
    assert (told.reason, named(told)) == ("firing", {"a": "firing", "b": "firing"})
    assert world.after(3 * HOUR) == []
    [again] = world.after(HOUR + 5 * MINUTE)
    assert again.reason == "repeat"
    assert again.id != told.id


def test_the_same_alert_again_and_more_events_of_it_are_no_news() -> None:
    world = World(plan())
    world.take(alert("a"))
    world.after(MINUTE)
    world.take(alert("a", revision=2), alert("a", revision=3))
    assert world.after(HOUR) == []


def test_a_worse_severity_is_news_and_a_better_one_is_not() -> None:
    world = World(plan())
    world.take(alert("a", "minor"))
    world.after(MINUTE)
    world.take(alert("a", "critical", revision=2))
    [told] = world.after(5 * MINUTE)
    assert told.title == "CRITICAL: a is too warm"
    world.take(alert("a", "warning", revision=3))
    assert world.after(HOUR) == []


def test_what_ended_is_told_once_and_forgotten() -> None:
    world = World(plan())
    world.take(alert("a"), alert("b"))
    world.after(MINUTE)
    world.take(alert("a", revision=2, firing=False))
    [told] = world.after(5 * MINUTE)
    assert named(told) == {"a": "resolved", "b": "firing"}
    world.take(alert("b", revision=2, firing=False))
    [told] = world.after(5 * MINUTE)
    assert (told.reason, told.title, named(told)) == ("resolved", "RESOLVED: b is too warm", {"b": "resolved"})
    world.after(10 * MINUTE)
    assert [one for one in world.rows if not one.startswith("flow/")] == []


def test_what_came_and_went_before_anybody_was_told_is_not_told() -> None:
    world = World(plan())
    world.take(alert("a"))
    world.take(alert("a", revision=2, firing=False))
    assert world.after(HOUR) == []


def test_an_alert_that_was_removed_is_over() -> None:
    world = World(plan())
    world.take(alert("a"))
    world.after(MINUTE)
    world.decisions.forget("a", world.now_us)
    assert [named(one) for one in world.after(5 * MINUTE)] == [{"a": "resolved"}]


def test_a_new_episode_is_news_even_between_two_looks() -> None:
    world = World(plan())
    world.take(alert("a"))
    world.after(MINUTE)
    world.take(alert("a", revision=2, firing=False))
    world.take(replace_id(alert("a", revision=3), "a-2"))
    [told] = world.after(5 * MINUTE)
    assert (told.reason, named(told)) == ("firing", {"a": "firing"})


def replace_id(one: Alert, alert_id: str) -> Alert:
    return changed(one, alert_id=alert_id)


def test_an_acknowledged_alert_is_not_repeated_until_it_opens_anew() -> None:
    world = World(plan())
    world.take(alert("a"))
    world.after(MINUTE)
    world.decisions.acknowledge("a")
    assert world.after(9 * HOUR) == []
    world.take(replace_id(alert("a", revision=2), "a-2"))
    assert [one.reason for one in world.after(5 * HOUR)] == ["firing", "repeat"]


def test_routes_by_labels_the_deepest_that_matches() -> None:
    phone = Route("phone", "phone", matchers("severity=critical"), continues=True)
    lab = Route("lab", "team", matchers("site=lab"), group_by=("site",))
    world = World(plan(phone, lab))
    world.take(alert("a", "critical", site="lab"), alert("b", "minor"), alert("c", "critical"))
    told = {(one.receiver, one.title.partition(":")[0]): named(one) for one in world.after(MINUTE)}
    assert told == {
        ("phone", "2 firing"): {"a": "firing", "c": "firing"},
        ("team", "CRITICAL"): {"a": "firing"},
        ("team", "MINOR"): {"b": "firing"},
    }


def test_who_was_told_hears_the_end_even_when_the_alert_is_routed_elsewhere_by_then() -> None:
    world = World(plan(Route("phone", "phone", matchers("severity=critical"))))
    world.take(alert("a", "minor"))
    world.after(MINUTE)
    world.take(alert("a", "critical", revision=2))
    assert {one.receiver for one in world.after(5 * MINUTE)} == {"phone", "team"}
    world.take(alert("a", "critical", revision=3, firing=False))
    assert {one.receiver: one.reason for one in world.after(6 * MINUTE)} == {"phone": "resolved", "team": "resolved"}


def test_silence_hides_until_it_ends_and_the_end_is_told_to_whoever_knew() -> None:
    world = World(plan())
    world.take(alert("known"))
    world.after(MINUTE)
    silence = Silence("s", matchers("alertname=too-warm"), START, START + HOUR, "ann")
    world.decisions.set_silences({"s": silence})
    world.take(alert("hidden"), alert("known", revision=2, firing=False))
    assert [named(one) for one in world.after(50 * MINUTE)] == [{"known": "resolved"}]
    assert [named(one) for one in world.after(20 * MINUTE)] == [{"hidden": "firing"}]


def test_inhibition_hides_what_another_alert_explains() -> None:
    rule = InhibitRule(matchers("alertname=no-power"), matchers("alertname=too-warm"), ("site",))
    world = World(replace(plan(), inhibit_rules=(rule,)))
    world.take(alert("a", site="lab"), alert("b", site="home"), alert("p", site="lab", alertname="no-power"))
    told = {name for one in world.after(MINUTE) for name in named(one)}
    assert told == {"b", "p"}
    world.take(alert("p", site="lab", alertname="no-power", revision=2, firing=False))
    assert {name: state for one in world.after(6 * MINUTE) for name, state in named(one).items()} == {
        "a": "firing", "b": "firing", "p": "resolved",
    }  # fmt: skip


def test_quiet_hours_hold_back_and_the_morning_tells() -> None:
    nights = parse_interval(["22:00-09:00"], [], "Europe/Berlin")  # 08:00Z is 09:00 there in winter
    world = World(plan(muted=(nights,)), now_us=START - 2 * HOUR)
    world.take(alert("a"))
    assert world.after(2 * HOUR - SECOND) == []
    assert [named(one) for one in world.after(5 * MINUTE)] == [{"a": "firing"}]


def test_what_nobody_acknowledges_goes_further_and_further() -> None:
    steps = (Step(15 * MINUTE, "phone"), Step(30 * MINUTE, "lead"))
    world = World(plan(escalate=steps, receivers=[Receiver("lead", "webhook")]))
    world.take(alert("a"), alert("b"))
    world.after(MINUTE)
    world.decisions.acknowledge("b")
    [first] = world.after(15 * MINUTE)
    assert (first.receiver, first.reason, named(first)) == ("phone", "escalation", {"a": "firing"})
    assert first.decided_us == START + 30 * SECOND + 15 * MINUTE
    [second] = world.after(15 * MINUTE)
    assert (second.receiver, second.reason) == ("lead", "escalation")
    assert world.after(2 * HOUR) == []
    world.take(alert("a", revision=2, firing=False))
    ended = {one.receiver: named(one) for one in world.after(5 * MINUTE)}
    assert ended == {"team": {"a": "resolved", "b": "firing"}, "phone": {"a": "resolved"}, "lead": {"a": "resolved"}}


def test_too_much_becomes_a_digest() -> None:
    world = World(plan(group_by=("device_id",), receivers=[Receiver("team", "webhook", rate_limit=3)]))
    world.take(*(alert(f"d{n:03}", "critical" if n == 77 else "minor") for n in range(100)))
    told = world.after(30 * SECOND)
    assert [one.reason for one in told] == ["firing"] * 3
    [digest] = world.after(2 * MINUTE)
    assert digest.title == "DIGEST of 97 groups: 97 firing, 0 resolved, worst: d077 is too warm"
    content = orjson.loads(digest.body)
    assert (len(content["alerts"]), content["truncatedAlerts"], content["hubbub"]["groups"]) == (40, 57, 97)
    assert world.after(HOUR) == []
    world.take(alert("d050", "minor", revision=2, firing=False))
    assert [named(one) for one in world.after(6 * MINUTE)] == [{"d050": "resolved"}]


def test_one_thing_at_a_time_is_on_its_way_and_what_follows_is_the_present() -> None:
    world = World(plan())
    world.take(alert("a"))
    [stuck] = world.after(MINUTE, deliver=False)
    world.take(alert("b"))
    world.take(alert("b", revision=2, firing=False), alert("c"))
    assert world.after(3 * HOUR, deliver=False) == []
    world.deliver([stuck])
    assert [named(one) for one in world.after(SECOND)] == [{"a": "firing", "c": "firing"}]


def test_what_was_given_up_is_news_again() -> None:
    world = World(plan())
    world.take(alert("a"))
    [lost] = world.after(MINUTE, deliver=False)
    world.decisions.given_up(lost.id, world.now_us)
    [again] = world.after(5 * MINUTE)
    assert (again.reason, named(again)) == ("firing", {"a": "firing"})
    world.take(alert("a", revision=2, firing=False))
    [lost] = world.after(6 * MINUTE, deliver=False)
    world.decisions.given_up(lost.id, world.now_us)
    assert [named(one) for one in world.after(6 * MINUTE)] == [{"a": "resolved"}]


def test_a_receiver_that_does_not_keep_up_bounds_its_queue() -> None:
    slow = Receiver("team", "webhook", rate_limit=0)
    world = World(plan(group_by=("device_id",), receivers=[slow]))
    world.take(*(alert(f"d{n:03}") for n in range(500)))
    assert len(world.after(HOUR, deliver=False)) == 100
    world.deliver(world.decisions.on_their_way())
    [digest] = world.after(MINUTE)
    assert (digest.reason, digest.alerts) == ("digest", 400)


def test_who_does_not_want_to_hear_of_ends_does_not_and_nothing_is_kept() -> None:
    world = World(plan(receivers=[Receiver("team", "webhook", send_resolved=False)]))
    world.take(alert("a"))
    world.after(MINUTE)
    world.take(alert("a", revision=2, firing=False))
    assert world.after(HOUR) == []
    assert [one for one in world.rows if not one.startswith("flow/")] == []


def test_alertmanager_is_told_each_alert_in_pages_and_again_in_time() -> None:
    world = World(plan(receivers=[Receiver("team", "alertmanager", rate_limit=0)]))
    world.take(*(alert(f"d{n:03}") for n in range(450)))
    pages = world.after(31 * SECOND)
    assert [one.alerts for one in pages] == [200, 200, 50]
    posted = [one for page in pages for one in orjson.loads(page.body)]
    assert {one["labels"]["device_id"] for one in posted} == {f"d{n:03}" for n in range(450)}
    assert posted[0]["endsAt"] == "2026-03-01T16:00:30.000000Z"  # twice the repeat interval
    assert sum(one.alerts for one in world.after(4 * HOUR + 6 * MINUTE)) == 450
    world.take(alert("d007", "critical", revision=2))
    [changed] = world.after(6 * MINUTE)
    old, new = orjson.loads(changed.body)
    assert (old["labels"]["severity"], new["labels"]["severity"]) == ("major", "critical")
    assert old["endsAt"] < new["endsAt"]


def test_a_plan_that_changed_meanwhile_tells_nobody_twice_and_leaves_nothing_behind() -> None:
    world = World(plan(Route("lab", "phone", matchers("site=lab"))))
    world.take(alert("a"), alert("b", site="lab"))
    world.after(MINUTE)
    world.plan = plan()
    world.die()
    [told] = world.after(6 * MINUTE)
    assert (told.receiver, named(told)) == ("team", {"a": "firing", "b": "firing"})
    world.take(alert("a", revision=2, firing=False), alert("b", revision=2, firing=False))
    world.after(20 * MINUTE)
    assert [one for one in world.rows if not one.startswith("flow/")] == []


@pytest.mark.parametrize(
    "text", ["<!channel> @here", "@everyone look", "\u202egpj.exe", "\x1b[31mred", "a](http://x) `b`"]
)
def test_a_chat_is_not_moved_by_what_a_device_writes(text: str) -> None:
    world = World(plan(receivers=[Receiver("team", "apprise")]))
    world.take(changed(alert("a"), summary=text))
    [told] = world.after(MINUTE)
    content = orjson.loads(told.body)
    for said in (content["title"], content["body"].removeprefix("- ")):
        assert not set(said.replace("\n", "")) & set("<>`\x1b\u202e") and "@" not in said and "](" not in said


def test_a_label_that_both_lack_does_not_agree() -> None:
    rule = InhibitRule(matchers("alertname=no-power"), matchers("alertname=too-warm"), ("site", "room"))
    world = World(replace(plan(), inhibit_rules=(rule,)))
    world.take(alert("a"), alert("b", site="lab"), alert("c", site="lab", room=""), alert("d", site="lab", room="x"))
    world.take(alert("p", alertname="no-power"), alert("q", alertname="no-power", site="lab", room="x"))
    world.take(alert("r", alertname="no-power", site="lab"))
    assert {name for one in world.after(MINUTE) for name in named(one)} == {*"abcpqr"}


def test_until_it_is_told_an_alert_follows_the_registry_and_then_it_stays() -> None:
    world = World(plan(group_by=("site",)))
    world.take(changed(alert("a"), device_id="a"), changed(alert("b"), device_id="b").at_place({"site": "lab"}))

    def learn(site: str) -> None:
        world.decisions.relocate({"a", "b"}, lambda device, at_us: {"site": site}, world.now_us)

    learn("home")
    assert [(one.title, named(one)) for one in world.after(MINUTE)] == [
        ("2 firing: site=home", {"a": "firing", "b": "firing"})
    ]
    learn("shop")
    world.take(changed(alert("a", revision=2), device_id="a").at_place({"site": "shop"}))
    assert world.after(HOUR) == []
    world.die()
    learn("shop")
    assert world.after(HOUR) == []
    world.take(changed(alert("a", revision=3, firing=False), device_id="a").at_place({"site": "shop"}))
    assert [named(one) for one in world.after(6 * MINUTE)] == [{"a": "resolved", "b": "firing"}]
    world.take(changed(replace_id(alert("a", revision=4), "a-2"), device_id="a").at_place({"site": "shop"}))
    assert [one.title for one in world.after(MINUTE)] == ["MAJOR: a is too warm"]
