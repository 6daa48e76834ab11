"""Severity in six terms: how bad a log line or an alarm says it is, worst first, and one table from everybody's words.

The terms are those of ITU-T X.733 (perceived severity). Log levels are mapped by RFC 5674, "Alarms in Syslog", table of
section 2, read backwards: alert is critical, critical is major, error is minor, warning is warning, notice is
indeterminate; emergency, above alert, is critical too; informational and debug lines report no fault: indeterminate.
OpenTelemetry's SeverityNumber goes through syslog as in its Log Data Model, appendix B: ERROR is error, ERROR2
critical, ERROR3 alert, FATAL emergency. `cleared` is said only by alarms that clear, never by a number.

A word or number outside the tables gives None: no guess.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

SEVERITIES: Final = ("critical", "major", "minor", "warning", "indeterminate", "cleared")
"""The X.733 terms, worst first."""

SYSLOG_SEVERITY_NAMES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""Names of the syslog severities 0 to 7 as RFC 5424 numbers them and syslog.conf spells them."""

_OF_SYSLOG: Final = (
    "critical",
    "critical",
    "major",
    "minor",
    "warning",
    "indeterminate",
    "indeterminate",
    "indeterminate",
)

# Inclusive ranges of SeverityNumber.
_OF_OPENTELEMETRY: Final = (
    (1, 12, "indeterminate"),  # TRACE, DEBUG, INFO and INFO2 (syslog's notice)
    (13, 16, "warning"),  # WARN
    (17, 17, "minor"),  # ERROR: syslog error
    (18, 18, "major"),  # ERROR2: syslog critical
    (19, 24, "critical"),  # ERROR3: syslog alert; ERROR4; FATAL: syslog emergency
)

_WORDS_OF: Final = {
    # "panic" is BSD's old name of emerg; "fatal" is OpenTelemetry's, which its appendix B pairs with emergency.
    "critical": "emerg emergency panic alert fatal catastrophic disaster 紧急 致命 灾难",
    # `critical` and `crit` are both a syslog level (RFC 5674: major) and X.733's worst term. The full word is X.733's:
    # alarms say it, and of the loggers that say it (Python, Serilog, .NET) it is the worst level they have.
    "major": "crit severe major 严重 重大 重要",
    "minor": "err error eror failure minor 错误 故障 次要",
    "warning": "warning warn wrn 警告 告警",
    "indeterminate": (
        "notice note info information informational inf indeterminate debug dbg trace verbose verb fine finer finest"
        " config audit log statement hint detail success ok normal 通知 提示 注意 信息 调试 跟踪 正常 不确定"
    ),
    "cleared": "cleared clear resolved recovered recovery 已清除 清除 恢复 已恢复",
}

_OF_WORD: Final = MappingProxyType(
    {word: term for term, words in _WORDS_OF.items() for word in words.split()} | {"critical": "critical"}
)


def severity_of_syslog(number: int) -> str | None:
    """Give the term of a syslog severity, 0 (emergency) to 7 (debug); None outside that range.

    >>> severity_of_syslog(3)
    'minor'
    """
    return _OF_SYSLOG[number] if 0 <= number <= 7 else None


def severity_of_opentelemetry(number: int) -> str | None:
    """Give the term of an OpenTelemetry SeverityNumber, 1 (TRACE) to 24 (FATAL4); None outside, and for 0, unspecified.

    >>> severity_of_opentelemetry(17)
    'minor'
    """
    return next((term for low, high, term in _OF_OPENTELEMETRY if low <= number <= high), None)


def severity_of_word(word: str) -> str | None:
    """Give the term of a level's name in English or Chinese, in any case; None for a word that names no level.

    >>> severity_of_word("WARN"), severity_of_word("错误"), severity_of_word("banana")
    ('warning', 'minor', None)
    """
    return _OF_WORD.get(word.strip().lower())
