"""notify.toml: what it means, what comes from above, and a sentence with the place for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.doctor.telling import look_at_notify
from pipelines.notify.notify_file import Notifying, WrongPlan, read_notify_file
from pipelines.notify.plan import HOUR, MINUTE, SECOND

RECEIVERS = """
[receivers.team]
kind = "webhook"
url = "https://example.invalid/hook"

[receivers.phone]
kind = "apprise"
url_env = "PHONE_URL"
rate_limit = 5
rate_window = "10m"

[receivers.am]
kind = "alertmanager"
url = "http://127.0.0.1:9093"
"""
ROUTES = """
[route]
receiver = "team"
group_by = ["alertname", "site"]
repeat_interval = "12h"

[[route.routes]]
matchers = ['severity=~"critical|major"']
receiver = "phone"
continue = true
mute_time_intervals = ["nights"]
escalate = [{ after = "1h", receiver = "am" }, { after = "15m", receiver = "team" }]

[[route.routes.routes]]
matchers = ["site=lab"]
group_wait = "0s"

[[inhibit_rules]]
source_matchers = ["alertname=no_power"]
target_matchers = ["category=network"]
equal = ["site"]

[time_intervals.nights]
times = ["22:00-07:00"]
weekdays = ["monday:friday", "sunday"]
time_zone = "Europe/Berlin"
"""


def read(folder: Path, text: str, **environment: str) -> Notifying:
    path = folder / "notify.toml"
    path.write_text(text, encoding="utf-8")
    return read_notify_file(path, {"PHONE_URL": "json://127.0.0.1", **environment})


def test_what_is_left_out_comes_from_above(tmp_path: Path) -> None:
    found = read(tmp_path, ROUTES + RECEIVERS)
    root = found.plan.route
    [bad] = root.routes
    [lab] = bad.routes
    assert (lab.receiver, lab.group_by, lab.group_wait_us) == ("phone", ("alertname", "site"), 0)
    assert (lab.repeat_interval_us, lab.group_interval_us) == (12 * HOUR, 5 * MINUTE)
    # What a route is silent about at night, or passes on, is its own.
    assert (lab.muted, lab.escalate, len(bad.muted)) == ((), (), 1)
    assert [(one.after_us, one.receiver) for one in bad.escalate] == [(15 * MINUTE, "team"), (HOUR, "am")]
    assert found.plan.receivers["phone"].rate_window_us == 10 * MINUTE
    assert (found.plan.receivers["am"].rate_limit, root.group_wait_us) == (0, 30 * SECOND)
    assert [one.receiver for one in root.find({"severity": "major"})] == ["phone"]
    assert [one.id for one in root.walk()] == [one.id for one in read(tmp_path, ROUTES + RECEIVERS).plan.route.walk()]


def test_a_receiver_has_a_language_or_none(tmp_path: Path) -> None:
    found = read(tmp_path, ROUTES + RECEIVERS.replace("rate_limit = 5", 'language = "zh"')).plan.receivers
    assert {name: one.language for name, one in found.items()} == {"team": None, "phone": "zh", "am": None}


def test_check_says_what_there_is_of_the_file(tmp_path: Path) -> None:
    """No file is nothing to say; a secret that only another machine has is no mistake of the file."""
    assert look_at_notify(tmp_path, {}) == []
    (tmp_path / "notify.toml").write_text(ROUTES + RECEIVERS, encoding="utf-8")
    [fine] = look_at_notify(tmp_path, {"PHONE_URL": "json://127.0.0.1"})
    assert (fine.level, fine.sentence) == ("fine", f"{tmp_path / 'notify.toml'}: 3 routes to team, phone, am")
    [without] = look_at_notify(tmp_path, {})
    assert without.level == "look"
    assert "expected the environment variable PHONE_URL, got none; the routes are fine" in without.sentence
    late = '[receivers.late]\nkind = "webhook"\n'
    (tmp_path / "notify.toml").write_text(ROUTES + RECEIVERS + late, encoding="utf-8")
    [wrong] = look_at_notify(tmp_path, {})
    assert wrong.level == "wrong", "what is wrong behind the missing secret"
    assert wrong.sentence.endswith("receivers.late: expected one of url, url_env, url_file, got none")
    (tmp_path / "notify.toml").write_text(ROUTES + RECEIVERS.replace("rate_limit = 5", 'language = "fr"'))
    [wrong] = look_at_notify(tmp_path, {})
    assert wrong.level == "wrong"
    assert wrong.sentence.endswith("receivers.phone.language: expected one of en, zh, got 'fr'")


def test_secrets_come_from_variables_or_files_and_are_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    receivers = '[receivers.team]\nkind = "webhook"\nurl_env = "URL"\nsecret_file = "secret"\ntoken_env = "TOKEN"\n'
    found = read(tmp_path, '[route]\nreceiver = "team"\n' + receivers, URL="https://h.invalid/s3cret", TOKEN="s3cret")
    address = found.addresses["team"]
    assert address.secret is not None and address.secret.reveal() == "from a file"
    assert "s3cret" not in repr(found) and "from a file" not in repr(found)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('receiver = "phone"', 'receiver = "fone"', "route.routes[0].receiver: .*got 'fone'; did you mean 'phone'"),
        ('receiver = "team"\ngroup', "group", "route.receiver: expected a receiver, got none"),
        ('group_by = ["alertname", "site"]', 'group_by = "site"', "route.group_by: Expected `array"),
        ("continue = true", "continues = true", "route.routes.*: Object contains unknown field `continues`"),
        ("12h", "12", "route.repeat_interval: expected a length of time like 30s"),
        ("12h", "0s", "route.repeat_interval: expected at least 1 s, got '0s'"),
        ("critical|major", "critical|(", "route.routes[0].matchers: expected a pattern that RE2 takes"),
        ('severity=~"critical|major"', "severity=bad", "route.routes[0].matchers: the matcher .* can never match"),
        ('["nights"]', '["night"]', "mute_time_intervals: .*got 'night'; did you mean 'nights'"),
        ("22:00-07:00", "22-7", "time_intervals.nights: expected times like 22:00-07:00, got '22-7'"),
        ("22:00-07:00", "22:00-25:00", "time_intervals.nights: expected two different times between"),
        ("monday:friday", "mon", "time_intervals.nights: expected a weekday like saturday"),
        ("Europe/Berlin", "Europe/Bärlin", "time_intervals.nights: expected a time zone like Europe/Berlin"),
        ("Europe/Berlin", "../../etc/passwd", "time_intervals.nights: expected a time zone"),
        ('["alertname=no_power"]', "[]", "inhibit_rules[0].source_matchers: expected at least one matcher"),
        ("https://example.invalid/hook", "ftp://x", "receivers.team.url: expected a URL that begins with http"),
        ("https://example.invalid/hook", "https://me:pw@x/", "receivers.team.url: expected no user and password"),
        (
            'url = "https://example.invalid/hook"',
            "",
            "receivers.team: expected one of url, url_env, url_file, got none",
        ),
        ('url_env = "PHONE_URL"', 'url = "slack://x"', "receivers.phone.url: expected url_env or url_file, for this"),
        ('"PHONE_URL"', '"NO_SUCH"', "receivers.phone.url_env: expected the environment variable NO_SUCH, got none"),
        ("rate_limit = 5", 'language = "fr"', "receivers.phone.language: expected one of en, zh, got 'fr'"),
        ("rate_limit = 5", "language = 1", "receivers.phone.language: Expected `str | null`, got `int`"),
        ("rate_limit = 5", "rate_limit = -5", "receivers.phone.rate_limit: expected 0 "),
        (
            'kind = "webhook"',
            'kind = "pager"',
            "receivers.team.kind: expected one of webhook, alertmanager, apprise, got",
        ),
        (
            'url = "http://127',
            'secret_env = "PHONE_URL"\nurl = "http://127',
            "receivers.am.secret: only a webhook is si",
        ),
        ("[route]", "[route]\nmatchers = ['a=b']", "route.matchers: expected none, for the first route takes every"),
        ("[route]", "sources = ['alarms']\n[route]", "sources.*: Invalid enum value 'alarms'"),
        ("[route]", "[rout]", "Object missing required field `route`|unknown field `rout`"),
        ("[route]", "[route", "expected TOML, got a mistake"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = ROUTES + RECEIVERS
    assert before in text
    with pytest.raises(WrongPlan, match=said.replace("[0]", r"\[0\]")) as caught:
        read(tmp_path, text.replace(before, after, 1))
    assert str(caught.value).startswith(str(tmp_path / "notify.toml"))


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(WrongPlan, match="that says who is told of what, got: No such file"):
        read_notify_file(tmp_path / "notify.toml", {})
