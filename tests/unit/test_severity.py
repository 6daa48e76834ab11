"""The one table of severities: complete, in order, and in agreement with the sources that it names."""

from __future__ import annotations

import pytest

from schemas.severity import (
    SEVERITIES,
    SYSLOG_SEVERITY_NAMES,
    severity_of_opentelemetry,
    severity_of_syslog,
    severity_of_word,
)


def test_syslog_is_rfc_5674_read_backwards() -> None:
    assert [severity_of_syslog(number) for number in range(8)] == [
        "critical",
        "critical",
        "major",
        "minor",
        "warning",
        "indeterminate",
        "indeterminate",
        "indeterminate",
    ]


@pytest.mark.parametrize("number", [-1, 8, 24, 10**30])
def test_a_number_outside_syslog_is_null(number: int) -> None:
    assert severity_of_syslog(number) is None


def test_opentelemetry_agrees_with_syslog_as_its_appendix_pairs_them() -> None:
    """DEBUG, INFO, INFO2, WARN, ERROR, ERROR2, ERROR3, FATAL, and the syslog severities beside them."""
    pairs = {5: 7, 9: 6, 10: 5, 13: 4, 17: 3, 18: 2, 19: 1, 21: 0}
    for number, syslog in pairs.items():
        assert severity_of_opentelemetry(number) == severity_of_syslog(syslog), number


def test_opentelemetry_never_falls_as_its_numbers_rise() -> None:
    ranks = [SEVERITIES.index(severity_of_opentelemetry(number) or "?") for number in range(1, 25)]
    assert ranks == sorted(ranks, reverse=True)
    assert [severity_of_opentelemetry(number) for number in (-1, 0, 25)] == [None, None, None]


def test_each_term_is_a_word_for_itself() -> None:
    assert [severity_of_word(term) for term in SEVERITIES] == list(SEVERITIES)


def test_the_names_of_syslog_mean_their_numbers() -> None:
    assert [severity_of_word(name) for name in SYSLOG_SEVERITY_NAMES] == [severity_of_syslog(at) for at in range(8)]


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("FATAL", "critical"),
        ("Emergency", "critical"),
        ("ERROR", "minor"),
        ("Err", "minor"),
        ("WARN", "warning"),
        (" warning ", "warning"),
        ("INFO", "indeterminate"),
        ("Notice", "indeterminate"),
        ("DEBUG", "indeterminate"),
        ("紧急", "critical"),
        ("重要", "major"),
        ("次要", "minor"),
        ("错误", "minor"),
        ("警告", "warning"),
        ("信息", "indeterminate"),
        ("已清除", "cleared"),
    ],
)
def test_reads_the_usual_words(word: str, term: str) -> None:
    assert severity_of_word(word) == term


@pytest.mark.parametrize("word", ["", "banana", "errors", "3", "not an error", "错误码"])
def test_other_words_are_null(word: str) -> None:
    assert severity_of_word(word) is None
