"""Matchers: Alertmanager's syntax, anchored patterns, and sentences for what nothing can fulfil."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.matcher import OPERATORS, Matcher, WrongMatcher, match_all, parse_matcher, parse_matchers


@pytest.mark.parametrize(
    ("text", "value", "takes"),
    [
        ("site=lab", "lab", True),
        ("site=lab", "lab2", False),
        (' site = "a b" ', "a b", True),
        ('site="a\\"b\\\\n\\n"', 'a"b\\n\n', True),
        ("site!=lab", "lab", False),
        ("site!=lab", "", True),
        ("alertname=~log_.*", "log_novel", True),
        ("alertname=~log", "log_novel", False),  # the whole value, as in Alertmanager
        ("alertname!~log_.*", "log_novel", False),
        ('alertname=~"a|b"', "b", True),
        ("x=~.*", "line\nbreak", False),  # a dot takes no line break
        ("设备=1", "", None),
    ],
)
def test_each_operator(text: str, value: str, takes: bool | None) -> None:
    if takes is None:
        with pytest.raises(WrongMatcher, match="expected a matcher like"):
            parse_matcher(text)
    else:
        assert parse_matcher(text).takes(value) is takes


@given(st.sampled_from(OPERATORS[:2]), st.text(max_size=40))
def test_what_is_written_is_read_again(operator: str, value: str) -> None:
    matcher = Matcher("site", operator, value)
    assert parse_matcher(str(matcher)) == matcher
    assert matcher.matches({"site": value}) is (operator == "=")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["site"], "expected a matcher like"),
        (["=lab"], "expected a matcher like"),
        (["site=a b"], "expected one value in double quotes after site="),
        (['site="a'], "expected one value in double quotes"),
        (['site="a",b="c"'], "expected one value in double quotes"),
        (["site=~("], "expected a pattern that RE2 takes, got '\\('"),
        (["site=~(a)\\1"], "expected a pattern that RE2 takes"),  # only a backtracking engine could
        (["severity=hihg"], "can never match: severity is one of critical"),
        (["severity=~hi.*"], "can never match"),
        (["a=b", "a=c"], 'the matchers a="b" and a="c" can never match together'),
        (["a=b", "a!=b"], "can never match together"),
        (["a=b", "a=~c.*"], "can never match together"),
        (["a=~.*"], "at least one matcher that an empty value does not fulfil"),
        (["a!=b"], "at least one matcher that an empty value does not fulfil"),
        (["a=" + "b" * 1001], "of at most 1000 characters, got 1003"),
    ],
)
def test_what_cannot_be_is_said(texts: list[str], said: str) -> None:
    with pytest.raises(WrongMatcher, match=said):
        parse_matchers(texts)


def test_all_must_hold_and_a_missing_label_is_empty() -> None:
    matchers = parse_matchers(["site=lab", "floor!=2", "room=~"])
    assert match_all(matchers, {"site": "lab"})
    assert not match_all(matchers, {"site": "lab", "floor": "2"})
    assert not match_all(matchers, {"site": "lab", "room": "x"})


def test_patterns_cannot_go_back() -> None:
    """What only an engine that tries one way after another can match is refused, so none is slow on any text."""
    for pattern in (r"(x)\1", "(?=x)x", "(?<!y)x"):
        with pytest.raises(WrongMatcher):
            parse_matcher(f"a=~{pattern}")
    assert not parse_matcher("a=~(x+x+)+y").takes("x" * 20_000)
