"""Matchers: conditions on labels in Alertmanager's syntax, for silences, routes and inhibition.

`severity="critical"`, `site!=lab`, `alertname=~"log_.*"`, `code!~"E-[0-9]+"`. A label that an alert does not have
counts as empty. A pattern is RE2's and must match the whole value, so no value can make it slow. A value may stand in
double quotes, in which `\\"`, `\\\\` and `\\n` are escapes.
Source: Alertmanager's documentation, "Alert matchers".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import re2

from schemas.severity import SEVERITIES

OPERATORS: Final = ("=", "!=", "=~", "!~")
MOST_CHARACTERS: Final = 1000
"""Of one matcher as text."""

_PARTS: Final = re2.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_.:-]*)\s*(=~|!~|!=|=)\s*((?s:.*?))\s*")
_QUOTED: Final = re2.compile(r'"((?s:[^"\\]|\\["\\n])*)"')
_BARE: Final = re2.compile(r'[^"{},\s]*')
_CLOSED: Final[Mapping[str, tuple[str, ...]]] = {"severity": SEVERITIES}


class WrongMatcher(ValueError):
    """A text that is no matcher, or one that nothing can fulfil."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. `operator` is one of OPERATORS."""

    name: str
    operator: str
    value: str
    _pattern: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """WrongMatcher for a pattern that RE2 refuses."""
        object.__setattr__(self, "_pattern", _compiled(self.value) if "~" in self.operator else None)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether these labels fulfil it."""
        return self.takes(labels.get(self.name, ""))

    def takes(self, value: str) -> bool:
        """Tell whether a label of this value fulfils it."""
        found = value == self.value if self._pattern is None else self._pattern.fullmatch(value) is not None
        return found is not self.operator.startswith("!")

    def __str__(self) -> str:
        r"""Write it as Alertmanager does, in quotes.

        >>> print(parse_matcher("site != lab"))
        site!="lab"
        """
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{quoted}"'


def parse_matcher(text: str) -> Matcher:
    """Read one matcher; WrongMatcher says what is wrong with it."""
    if len(text) > MOST_CHARACTERS:
        raise WrongMatcher(f"expected a matcher of at most {MOST_CHARACTERS} characters, got {len(text)}")
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise WrongMatcher(f'expected a matcher like severity="critical", site!=lab, alertname=~"log_.*", got {text!r}')
    name, operator, said = parts.groups()
    if _QUOTED.fullmatch(said):
        value = _unescaped(said[1:-1])
    elif _BARE.fullmatch(said):
        value = said
    else:
        raise WrongMatcher(
            f"expected one value in double quotes after {name}{operator}, with a backslash before a quote in it, "
            f"got {said!r} in the matcher {text!r}"
        )
    matcher = Matcher(name, operator, value)
    closed = _CLOSED.get(name)
    if closed is not None and not any(matcher.takes(one) for one in closed):
        raise WrongMatcher(f"the matcher {matcher} can never match: {name} is one of {', '.join(closed)}")
    return matcher


def parse_matchers(texts: Sequence[str], *, may_match_all: bool = False) -> tuple[Matcher, ...]:
    """Read matchers that must all hold; WrongMatcher where no labels can fulfil them together.

    Unless `may_match_all`, matchers that hold for an alert without any labels are refused, as Alertmanager refuses a
    silence of them: it would take everything.
    """
    matchers = tuple(parse_matcher(text) for text in texts)
    _check_together(matchers)
    if not may_match_all and all(one.takes("") for one in matchers):
        said = ", ".join(map(str, matchers)) or "none"
        raise WrongMatcher(f"expected at least one matcher that an empty value does not fulfil, got {said}")
    return matchers


def match_all(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether labels fulfil every matcher; no matchers are fulfilled by all."""
    return all(one.matches(labels) for one in matchers)


def _check_together(matchers: Sequence[Matcher]) -> None:
    """Refuse what contradicts itself, where that can be known: a wanted value that another matcher does not take."""
    for wanted in matchers:
        if wanted.operator != "=":
            continue
        for other in matchers:
            if other.name == wanted.name and not other.takes(wanted.value):
                raise WrongMatcher(f"the matchers {wanted} and {other} can never match together")


def _unescaped(text: str) -> str:
    pieces = text.split("\\\\")
    return "\\".join(piece.replace('\\"', '"').replace("\\n", "\n") for piece in pieces)


@cache
def _options() -> Any:  # noqa: ANN401 - re2 has no type hints
    options = re2.Options()
    options.log_errors = False
    return options


def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no type hints
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        why = error.args[0] if error.args else error
        said = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise WrongMatcher(f"expected a pattern that RE2 takes, got {pattern!r}: {said}") from None
