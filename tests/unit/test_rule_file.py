"""The rule file: what it adds, changes and switches off, and what it says of a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.alert_rule import AlertRule, Flapping, SeverityFrom
from operators.condition import Condition
from operators.default_alert_rules import DEFAULT_ALERT_RULES, LOG_ABNORMAL
from pipelines.alert_rules.rule_fields import FIELDS
from pipelines.alert_rules.rule_file import RuleSet, WrongRules, described, read_rules, rules_of

OWN = """
[rules.freezer_warm]
description = "A freezer is too warm."
source = "telemetry"
where.metric = "box_temp"
when.value = { above = -12, at_most = 60 }
for = "10m"
keep_firing_for = "5m"
resolve_after = "1h30m"
clears = "otherwise"
severity = "major"
by = ["metric"]
labels = { team = "cold-chain" }
summary = "{device_id}: {metric} is {value:.1f}"
runbook_url = "https://runbooks.example/{metric}"
flapping = { count = 4, within = "1h" }
"""


def read(tmp_path: Path, text: str) -> RuleSet:
    path = tmp_path / "alerts.toml"
    path.write_text(text, encoding="utf-8")
    return read_rules(path)


def only(rules: RuleSet, name: str) -> AlertRule:
    (rule,) = [rule for rule in rules.rules if rule.name == name]
    return rule


def test_without_a_file_the_default_rules_hold() -> None:
    assert read_rules(None).rules == DEFAULT_ALERT_RULES


def test_a_rule_of_ones_own_is_what_the_same_value_would_be(tmp_path: Path) -> None:
    rules = read(tmp_path, OWN)
    assert rules.rules[:-1] == DEFAULT_ALERT_RULES
    assert rules.rules[-1] == AlertRule(
        name="freezer_warm",
        source="telemetry",
        description="A freezer is too warm.",
        where=(Condition("metric", "==", "box_temp"),),
        when=(Condition("value", ">", -12), Condition("value", "<=", 60)),
        for_s=600.0,
        keep_firing_for_s=300.0,
        resolve_after_s=5400.0,
        clears_otherwise=True,
        severity="major",
        labels=(("metric", "metric"),),
        fixed_labels=(("team", "cold-chain"),),
        summary="{device_id}: {metric} is {value:.1f}",
        annotations=(("runbook_url", "https://runbooks.example/{metric}"),),
        flapping=Flapping(4, 3600.0),
    )
    assert described(rules) == "11 alert rules, 1 of its own (freezer_warm)"


def test_all_kinds_of_conditions(tmp_path: Path) -> None:
    rule = only(
        read(
            tmp_path,
            """
            [rules.all_kinds]
            source = "message"
            count = 3
            within = 90
            severity = { from = "urgency.label", otherwise = "minor", map = { critical = "critical", high = "major" } }
            by = { about = "topic.label" }
            category = "topic.label"
            answer = "sentiment"
            [rules.all_kinds.when]
            channel = "phone"
            hubbub.urgency.label = ["critical", "high"]
            topic.label = { not = "other" }
            language = { not = ["de", "fr"] }
            urgency.score = { ">=" = 0.5, between = [0, 0.9] }
            sentiment.score = { outside = [0.2, 0.4] }
            text = { contains = "smoke", matches = "fi+re" }
            hubbub.late = false
            """,
        ),
        "all_kinds",
    )
    assert rule.when == (
        Condition("channel", "==", "phone"),
        Condition("hubbub.urgency.label", "in", ("critical", "high")),
        Condition("hubbub.late", "is false"),
        Condition("hubbub.topic.label", "!=", "other"),
        Condition("language", "not in", ("de", "fr")),
        Condition("hubbub.urgency.score", ">=", 0.5),
        Condition("hubbub.urgency.score", "between", (0, 0.9)),
        Condition("hubbub.sentiment.score", "outside", (0.2, 0.4)),
        Condition("text", "contains", "smoke"),
        Condition("text", "matches", "fi+re"),
    )
    assert rule.severity == SeverityFrom(
        ("hubbub.urgency.label",), "minor", (("critical", "critical"), ("high", "major"))
    )
    assert (rule.labels, rule.category) == ((("about", "hubbub.topic.label"),), "hubbub.topic.label")
    assert (rule.answer, rule.within_s, rule.count) == ("hubbub.sentiment", 90.0, 3)
    assert rule.summary == '{device_id}: all kinds, {counted} since {since}, the last: "{text}"'


def test_groups_and_absence(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        """
        [rules.silent]
        source = "log"
        where.component = "heartbeat"
        absent = "15m"
        [rules.both]
        source = "log"
        within = "5m"
        together = [{ category.label = "power" }, { category.label = "network", severity = "major" }]
        clears.message = { contains = "recovered" }
        """,
    )
    silent, both = only(rules, "silent"), only(rules, "both")
    assert (silent.absent_s, silent.where, silent.resolve_after_s) == (
        900.0,
        (Condition("component", "==", "heartbeat"),),
        7 * 86_400.0,
    )
    assert both.together == (
        (Condition("hubbub.category.label", "==", "power"),),
        (Condition("hubbub.category.label", "==", "network"), Condition("severity", "==", "major")),
    )
    assert both.clears == (Condition("message", "contains", "recovered"),)


def test_a_default_rule_is_changed_where_the_file_says_so_and_switched_off(tmp_path: Path) -> None:
    rules = read(tmp_path, '[rules.log_abnormal]\ncount = 5\nwithin = "20m"\n[rules.log_novel]\nenabled = false\n')
    changed = only(rules, "log_abnormal")
    assert (changed.count, changed.within_s, changed.when) == (5, 1200.0, LOG_ABNORMAL.when)
    assert "log_novel" not in {rule.name for rule in rules.rules}
    assert [rules.origin(name) for name in ("log_abnormal", "log_novel", "device_alarm")] == [
        "changed",
        "off",
        "default",
    ]


def test_all_default_rules_are_switched_off_and_one_on_again(tmp_path: Path) -> None:
    rules = read(tmp_path, "defaults = false\n[rules.device_alarm]\nenabled = true\n")
    assert [rule.name for rule in rules.rules] == ["device_alarm"]
    assert len(rules.disabled) == len(DEFAULT_ALERT_RULES) - 1
    assert read(tmp_path, "defaults = false\n").rules == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[rules.a]\n[rules.a]\n", "expected each name once"),
        ("[rules.a\n", "expected TOML"),
        ("[rule.a]\n", "got 'rule'; did you mean 'rules'?"),
        ("defaults = 1\n", "defaults: expected true or false, got 1"),
        ("rules = 5\n", "rules: expected a table, got 5"),
        ("[rules]\na = 5\n", "rule a: expected a table, got 5"),
        ("[rules.a]\nsource = 'smoke'\n", "rule a: source: expected one of log, message, alarm, telemetry"),
        ("[rules.a]\n", "rule a: source: expected one of"),
        ("[rules.a]\nsource = 'log'\n", "rule a: when: expected conditions here"),
        ("[rules.a]\nsource = 'log'\nfro = 1\n", "got 'fro'; did you mean 'for'?"),
        ("[rules.a]\nsource = 'log'\nwhen.mesage = 'x'\n", "when.mesage: .*did you mean 'message'"),
        ("[rules.a]\nsource = 'log'\nwhen.abnormal.lable = 'x'\n", "when.abnormal.lable: expected a field 'lable'"),
        ("[rules.a]\nsource = 'log'\nwhen.category.label = 'powr'\n", "got 'powr'; did you mean 'power'?"),
        ("[rules.a]\nsource = 'log'\nwhen.severity = 'mayor'\n", "got 'mayor'; did you mean 'major'?"),
        ("[rules.a]\nsource = 'alarm'\nclears.state = 'off'\nwhen.state = 'raise'\n", "a label of raise, clear, got"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 5\n", "when.message: expected a text, a list of texts"),
        ("[rules.a]\nsource = 'log'\nwhen.message = { above = 5 }\n", "when.message: expected a number in 'message'"),
        ("[rules.a]\nsource = 'log'\nwhen.message = { abov = 5 }\n", "did you mean 'message'|abov"),
        ("[rules.a]\nsource = 'telemetry'\nwhen.value = { above = 'x' }\n", "> expects a number, got 'x'"),
        ("[rules.a]\nsource = 'telemetry'\nwhen.value = { above = nan }\n", "> expects a number, got nan"),
        ("[rules.a]\nsource = 'telemetry'\nwhen.value = { between = [8, 2] }\n", "the lower number first, got 8 and 2"),
        ("[rules.a]\nsource = 'telemetry'\nwhen.value = { between = 8 }\n", "two numbers, the lower one first, got 8"),
        ("[rules.a]\nsource = 'telemetry'\nwhen.value = { above = 8, below = 2 }\n", "no row can fulfil both"),
        ("[rules.a]\nsource = 'log'\nwhen.abnormal.score = { above = 1 }\n", "a score lies between 0 and 1"),
        ("[rules.a]\nsource = 'log'\nwhen.message = { matches = '(' }\n", "a regular expression of RE2"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nsummary = '{txt}'\n", "summary names ..txt"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nsummary = '{text'\n", "summary"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nrunbook_url = 'https://x/{x.y}'\n", "plain name"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nrunbook_url = 'javascript:x'\n", "begins with https://"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nfor = '10 min'\n", "a span of time such as 90s"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\ncount = 0\n", "a count of 1 or more, at most 1,000, got 0"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\ncount = 2.5\n", "count: expected a whole number, got 2.5"),
        (
            "[rules.a]\nsource = 'log'\nwhen.message = 'x'\nseverity = 'bad'\n",
            "severity: expected a severity of critical",
        ),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nseverity = {}\n", "severity.from: expected a list, got None"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nclears = 'other'\n", 'conditions, or "otherwise"'),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nby = ['x']\n", "by: expected a column of"),
        (
            "[rules.a]\nsource = 'log'\nwhen.message = 'x'\nby = ['hubbub.novelty']\n",
            "expected a text in 'hubbub.novelty'",
        ),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nlabels = { severity = 'x' }\n", "mean something else already"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nflapping = { count = 0, within = '1h' }\n", "1 to 100, got 0"),
        ("[rules.a]\nsource = 'log'\nwhen.message = 'x'\nabsent = '1h'\n", "`absent` goes without when"),
        ("[rules.log_novel]\nresolve_after = -5\n", "rule log_novel: expected resolve_after_s of more than 0"),
    ],
)
def test_a_mistake_is_named_with_file_rule_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongRules, match=said) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'alerts.toml'}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_all_rules_that_are_wrong_are_named(tmp_path: Path) -> None:
    with pytest.raises(WrongRules, match="and 1 more") as caught:
        read(tmp_path, "[rules.a]\nsource = 'x'\n[rules.b]\nsource = 'y'\n[rules.log_novel]\ncount = 2\n")
    assert [("rule a" in one, "rule b" in one) for one in caught.value.sentences] == [(True, False), (False, True)]


def test_bytes_that_are_no_text_and_a_file_too_large(tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    path.write_bytes(b"\xff = 1")
    with pytest.raises(WrongRules, match="expected UTF-8"):
        read_rules(path)
    path.write_bytes(b"#" * ((4 << 20) + 1))
    with pytest.raises(WrongRules, match="at most"):
        read_rules(path)
    path.write_text("x = " + "[" * 100_000)
    with pytest.raises(WrongRules, match="expected TOML"):
        read_rules(path)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(2**63), 1e308, 1.5, "10m", "major", "otherwise", "{text}", "{x}", "power", "(", ""])
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["above", "between", "is", "matches", "message", "category", "label", "from", "map", "count"]
            )
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["any_rule", "log_abnormal", "Ü", ""]),
        st.fixed_dictionaries(
            {"source": st.sampled_from(["log", "telemetry"]) | VALUES, "when": VALUES},
            optional={name: VALUES for name in FIELDS if name not in ("source", "when")},
        )
        | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3)
        | VALUES,
        max_size=2,
    )
)
def test_whatever_stands_in_a_file_gives_rules_or_a_sentence(rules: dict[str, Any]) -> None:
    try:
        found = rules_of({"rules": rules}, Path("alerts.toml"))
    except WrongRules as wrong:
        assert all(one.startswith("alerts.toml: ") and len(one) < 2000 for one in wrong.sentences)
    else:
        assert isinstance(found, RuleSet)
