"""The file notify.toml: read strictly into a plan and the addresses of its receivers, each mistake with its place."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from infra.secret import Secret
from pipelines.duration import WrongDuration, duration_us
from pipelines.notify.plan import KINDS, InhibitRule, Kind, Plan, Receiver, Route, Step, route_id
from pipelines.notify.time_interval import TimeInterval, WrongInterval, parse_interval
from pipelines.words.translation import LANGUAGES
from schemas.matcher import Matcher, WrongMatcher, parse_matchers

FILE_NAME = "notify.toml"
MOST_ROUTES = 1000


_Entry = TypeVar("_Entry", bound=Struct)


class WrongPlan(ValueError):
    """A notify.toml that cannot be used: where, what was expected, what came."""


class NoSecret(WrongPlan):
    """A notify.toml whose secret is not to be had here; all but the addresses is as it should be."""


class EscalateEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One step: `{ after = "15m", receiver = "lead" }`."""

    after: str
    receiver: str


class RouteEntry(Struct, frozen=True, forbid_unknown_fields=True, rename={"continues": "continue"}):
    """A route as it stands in the file; what is left out comes from the route above."""

    receiver: str | None = None
    matchers: list[str] = []
    group_by: list[str] | None = None
    group_wait: str | None = None
    group_interval: str | None = None
    repeat_interval: str | None = None
    continues: bool = False
    mute_time_intervals: list[str] = []
    active_time_intervals: list[str] = []
    escalate: list[EscalateEntry] = []
    routes: list[RouteEntry] = []


class ReceiverEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver as it stands in the file. What is secret is named by a variable or a file, never written here."""

    kind: str
    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None
    token_env: str | None = None
    token_file: str | None = None
    timeout: str = "10s"
    rate_limit: int | None = None
    rate_window: str = "1m"
    give_up_after: str = "24h"
    send_resolved: bool = True
    language: str | None = None


class InhibitEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An inhibition rule as it stands in the file."""

    source_matchers: list[str]
    target_matchers: list[str]
    equal: list[str] = []


class IntervalEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A time interval as it stands in the file."""

    times: list[str] = []
    weekdays: list[str] = []
    time_zone: str = "UTC"


class NotifyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    route: RouteEntry
    receivers: dict[str, dict[str, Any]]  # each read by itself, so that a mistake is said with the name
    sources: tuple[Literal["alerts", "incidents"], ...] = ("alerts",)
    inhibit_rules: list[InhibitEntry] = []
    time_intervals: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a receiver is, and how it knows us. `url` is a secret where it lets whoever has it write."""

    kind: Kind
    url: Secret
    secret: Secret | None = None
    token: Secret | None = None
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Notifying:
    """What is decided by, and where it goes."""

    plan: Plan
    addresses: Mapping[str, Address] = field(default_factory=dict)
    sources: tuple[str, ...] = ("alerts",)


def read_notify_file(path: Path, environment: Mapping[str, str]) -> Notifying:
    """Read notify.toml; WrongPlan. Secrets come from `environment` or from files of their own, beside this file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongPlan(f"expected a file {path} that says who is told of what, got: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongPlan(f"{path}: expected UTF-8, got a byte at position {error.start} that is none") from error
    try:
        found = msgspec.convert(tomllib.loads(text), NotifyFile)
    except tomllib.TOMLDecodeError as error:
        raise WrongPlan(f"{path}: expected TOML, got a mistake: {error}") from error
    except msgspec.ValidationError as error:
        raise WrongPlan(f"{path}: {_said(error)}") from error
    return _Reader(found, path, environment).read()


class _Reader:
    def __init__(self, found: NotifyFile, path: Path, environment: Mapping[str, str]) -> None:
        self._file = found
        self._path = path
        self._environment = environment
        self._count = 0

    def read(self) -> Notifying:
        if not self._file.receivers:
            raise WrongPlan(f"{self._path}: expected at least one [receivers.NAME], got none")
        intervals = {
            name: self._interval(name, self._entry(one, IntervalEntry, f"time_intervals.{name}"))
            for name, one in self._file.time_intervals.items()
        }
        if self._file.route.matchers:
            raise WrongPlan(f"{self._path}: route.matchers: expected none, for the first route takes every alert")
        root = self._route(self._file.route, None, "route", intervals, 0)
        rules = tuple(
            InhibitRule(
                self._matchers(one.source_matchers, f"inhibit_rules[{number}].source_matchers"),
                self._matchers(one.target_matchers, f"inhibit_rules[{number}].target_matchers"),
                tuple(one.equal),
            )
            for number, one in enumerate(self._file.inhibit_rules)
        )
        entries = {
            name: self._entry(one, ReceiverEntry, f"receivers.{name}") for name, one in self._file.receivers.items()
        }
        receivers = {name: self._receiver(name, one) for name, one in entries.items()}
        addresses, missing = {}, []
        for name, one in entries.items():
            try:
                addresses[name] = self._address(name, one)
            except NoSecret as no_secret:
                missing.append(no_secret)
        if missing:
            raise missing[0]
        return Notifying(Plan(root, receivers, rules), addresses, tuple(dict.fromkeys(self._file.sources)))

    def _route(
        self, entry: RouteEntry, above: Route | None, at: str, intervals: Mapping[str, TimeInterval], number: int
    ) -> Route:
        self._count += 1
        if self._count > MOST_ROUTES:
            raise WrongPlan(f"{self._path}: expected at most {MOST_ROUTES} routes, got more")
        receiver = entry.receiver if entry.receiver is not None else above.receiver if above else None
        if receiver is None:
            raise WrongPlan(f"{self._path}: {at}.receiver: expected a receiver, got none")
        self._check_receiver(receiver, f"{at}.receiver")
        matchers = self._matchers(entry.matchers, f"{at}.matchers", may_match_all=True)
        base = above or Route("", receiver)
        times = {
            name: getattr(base, f"{name}_us") if said is None else self._us(said, f"{at}.{name}", least_us=least)
            for name, said, least in (
                ("group_wait", entry.group_wait, 0),
                ("group_interval", entry.group_interval, 1_000_000),
                ("repeat_interval", entry.repeat_interval, 1_000_000),
            )
        }
        steps = [
            Step(self._us(one.after, f"{at}.escalate[{i}].after"), one.receiver) for i, one in enumerate(entry.escalate)
        ]
        for i, step in enumerate(steps):
            self._check_receiver(step.receiver, f"{at}.escalate[{i}].receiver")
        id_ = route_id(above.id if above else "", matchers, receiver, number)
        made = Route(
            id_,
            receiver,
            matchers,
            tuple(entry.group_by) if entry.group_by is not None else base.group_by,
            times["group_wait"],
            times["group_interval"],
            times["repeat_interval"],
            entry.continues,
            self._intervals(entry.mute_time_intervals, f"{at}.mute_time_intervals", intervals),
            self._intervals(entry.active_time_intervals, f"{at}.active_time_intervals", intervals),
            tuple(sorted(steps, key=lambda one: one.after_us)),
        )
        seen: dict[tuple[object, ...], int] = {}
        children = []
        for i, child in enumerate(entry.routes):
            same = (tuple(child.matchers), child.receiver)
            seen[same] = seen.get(same, -1) + 1
            children.append(self._route(child, made, f"{at}.routes[{i}]", intervals, seen[same]))
        return replace(made, routes=tuple(children))

    def _entry(self, values: dict[str, Any], type_: type[_Entry], at: str) -> _Entry:
        try:
            return msgspec.convert(values, type_)
        except msgspec.ValidationError as error:
            raise WrongPlan(f"{self._path}: {at}.{_said(error)}") from error

    def _receiver(self, name: str, entry: ReceiverEntry) -> Receiver:
        at = f"receivers.{name}"
        kind = _kind(entry.kind, f"{self._path}: {at}.kind")
        limit = entry.rate_limit if entry.rate_limit is not None else 0 if entry.kind == "alertmanager" else 30
        if limit < 0:
            raise WrongPlan(f"{self._path}: {at}.rate_limit: expected 0 (no limit) or more, got {limit}")
        window, give_up = (
            self._us(said, f"{at}.{key}", least_us=1_000_000)
            for key, said in (("rate_window", entry.rate_window), ("give_up_after", entry.give_up_after))
        )
        if entry.language is not None and entry.language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise WrongPlan(f"{self._path}: {at}.language: expected one of {known}, got {entry.language!r}")
        return Receiver(name, kind, limit, window, give_up, entry.send_resolved, entry.language)

    def _address(self, name: str, entry: ReceiverEntry) -> Address:
        at = f"receivers.{name}"
        # Secrets come last: what else is wrong is to be heard where they are not to be had, too.
        timeout_us = self._us(entry.timeout, f"{at}.timeout", least_us=1000)
        elsewhere = entry.url_env is not None or entry.url_file is not None
        if entry.url is not None and elsewhere:
            raise WrongPlan(f"{self._path}: {at}: expected one of url, url_env, url_file, got several")
        if entry.url is not None and entry.kind == "apprise":
            raise WrongPlan(f"{self._path}: {at}.url: expected url_env or url_file, for this URL is a secret")
        if entry.kind != "webhook" and (entry.secret_env is not None or entry.secret_file is not None):
            raise WrongPlan(f"{self._path}: {at}.secret: only a webhook is signed, this is of the kind {entry.kind}")
        url = self._secret(f"{at}.url", entry.url_env, entry.url_file)
        if entry.url is not None:
            url = Secret(entry.url, f"{self._path.name} {at}.url")
        if url is None:
            raise WrongPlan(f"{self._path}: {at}: expected one of url, url_env, url_file, got none")
        if entry.kind != "apprise":
            _check_http(url.reveal(), f"{self._path}: {at}.url")
        secret = self._secret(f"{at}.secret", entry.secret_env, entry.secret_file)
        token = self._secret(f"{at}.token", entry.token_env, entry.token_file)
        return Address(_kind(entry.kind, at), url, secret, token, timeout_us / 1e6)

    def _secret(self, at: str, variable: str | None, file: str | None) -> Secret | None:
        if variable is not None and file is not None:
            raise WrongPlan(f"{self._path}: expected one of {at}_env and {at}_file, got both")
        if variable is not None:
            text = self._environment.get(variable, "")
            if not text:
                raise NoSecret(f"{self._path}: {at}_env: expected the environment variable {variable}, got none")
            return Secret(text, variable)
        if file is None:
            return None
        path = self._path.parent / file
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise NoSecret(f"{self._path}: {at}_file: expected a readable file {path}, got: {why}") from error
        if not text:
            raise WrongPlan(f"{self._path}: {at}_file: expected a secret in {path}, got an empty file")
        return Secret(text, str(path))

    def _interval(self, name: str, entry: IntervalEntry) -> TimeInterval:
        try:
            return parse_interval(entry.times, entry.weekdays, entry.time_zone)
        except WrongInterval as error:
            raise WrongPlan(f"{self._path}: time_intervals.{name}: {error}") from error

    def _intervals(self, names: list[str], at: str, known: Mapping[str, TimeInterval]) -> tuple[TimeInterval, ...]:
        for name in names:
            _check_name(name, known, f"{self._path}: {at}", "[time_intervals.NAME]")
        return tuple(known[name] for name in names)

    def _matchers(self, texts: list[str], at: str, *, may_match_all: bool = False) -> tuple[Matcher, ...]:
        try:
            return parse_matchers(texts, may_match_all=may_match_all)
        except WrongMatcher as error:
            raise WrongPlan(f"{self._path}: {at}: {error}") from error

    def _us(self, text: str, at: str, *, least_us: int = 0) -> int:
        try:
            found = duration_us(text)
        except WrongDuration as error:
            raise WrongPlan(f"{self._path}: {at}: {error}") from error
        if found < least_us:
            raise WrongPlan(f"{self._path}: {at}: expected at least {least_us / 1e6:g} s, got {text!r}")
        return found

    def _check_receiver(self, name: str, at: str) -> None:
        _check_name(name, self._file.receivers, f"{self._path}: {at}", "[receivers.NAME]")


def _kind(text: str, place: str) -> Kind:
    found = next((one for one in KINDS if one == text), None)
    if found is None:
        raise WrongPlan(f"{place}: expected one of {', '.join(KINDS)}, got {text!r}")
    return found


def _check_name(name: str, known: Mapping[str, Any], place: str, what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise WrongPlan(f"{place}: expected the name of one of {what}: {', '.join(known)}, got {name!r}{hint}")


def _check_http(url: str, place: str) -> None:
    scheme, slashes, rest = url.partition("://")
    if scheme not in ("http", "https") or not slashes or not rest.partition("/")[0] or not url.isprintable():
        raise WrongPlan(f"{place}: expected a URL that begins with http:// or https://")
    if "@" in rest.partition("/")[0]:
        raise WrongPlan(f"{place}: expected no user and password in the URL; token_env or token_file hold a token")


def _said(error: msgspec.ValidationError) -> str:
    said, _, place = str(error).partition(" - at `$")
    return f"{place.strip('`.')}: {said}" if place.strip("`.") else said
