"""The rule file `alerts.toml`: rules that are added to the default ones, change them by name, or switch them off.

[rules.freezer_warm]            a rule of one's own
source = "telemetry"
where.metric = "box_temp"
when.value = { above = -12 }
for = "10m"
clears = "otherwise"
severity = "major"

[rules.log_abnormal]            a default rule: what is given here replaces what it has
count = 5

[rules.log_novel]
enabled = false
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from operators.alert_rule import AlertRule
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from pipelines.alert_rules.known_labels import check_labels, labels_of_models
from pipelines.alert_rules.rule_fields import FIELDS, rule_of
from pipelines.alert_rules.rule_values import Place, WrongValue, check_names, table_at, truth_at
from pipelines.bad_input import BadInput
from pipelines.catalog import Chosen

TOP_LEVEL = ("defaults", "rules")
MOST_BYTES = 4 << 20


class WrongRules(BadInput):
    """A rule file that cannot be used; `sentences` says everything that is wrong with it."""

    def __init__(self, sentences: Sequence[str]) -> None:
        more = f" (and {len(sentences) - 1} more; `hubbub check` shows all)" if len(sentences) > 1 else ""
        super().__init__(f"{sentences[0]}{more}")
        self.sentences = tuple(sentences)


@dataclass(frozen=True)
class RuleSet:
    """The rules that hold, in order: the default ones first. `path` is the file that changed them, if any did."""

    rules: tuple[AlertRule, ...] = DEFAULT_ALERT_RULES
    path: Path | None = None
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()

    def origin(self, name: str) -> str:
        """Say where a rule comes from: `default`, `changed`, `file` or `off`."""
        for names, word in ((self.disabled, "off"), (self.changed, "changed"), (self.added, "file")):
            if name in names:
                return word
        return "default"


def read_rules(path: Path | None, models: Chosen | None = None) -> RuleSet:
    """Return the rules that hold with this file, the default ones without; WrongRules says what is wrong with it."""
    return RuleSet() if path is None else rules_of(_read(path), path, models)


def rules_of(document: Mapping[str, object], path: Path, models: Chosen | None = None) -> RuleSet:
    """Return the rules that hold with what a rule file says."""
    wrong: list[str] = []
    top = Place(f"{path}: ")
    tables: Mapping[str, object] = {}
    keep_defaults = True
    try:
        check_names(Place(str(path)), document, TOP_LEVEL, "section or key")
        keep_defaults = truth_at(top.at("defaults"), document.get("defaults", True))
        tables = table_at(top.at("rules"), document.get("rules", {}))
    except WrongValue as error:
        raise WrongRules([str(error)]) from error
    rules = {rule.name: rule for rule in DEFAULT_ALERT_RULES} if keep_defaults else {}
    defaults = {rule.name: rule for rule in DEFAULT_ALERT_RULES}
    added, changed = list[str](), list[str]()
    disabled = [] if keep_defaults else list(defaults)
    heads = labels_of_models(models)
    for name, table in tables.items():
        place = Place(f"{path}: rule {name}: ")
        try:
            fields = dict(table_at(Place(f"{path}: rule {name}"), table))
            check_names(Place(f"{path}: rule {name}"), fields, FIELDS, "field")
            enabled = truth_at(place.at("enabled"), fields.pop("enabled", True))
            base = defaults.get(name)
            rule = base if base is not None and not fields else rule_of(place, name, fields, base)
            check_labels(place, rule, heads)
        except WrongValue as error:
            wrong.append(str(error))
            continue
        if not enabled:
            rules.pop(name, None)
            disabled += [] if name in disabled else [name]
            continue
        rules[name] = rule
        disabled = [one for one in disabled if one != name]
        if base is None:
            added.append(name)
        elif fields:
            changed.append(name)
    if wrong:
        raise WrongRules(wrong)
    return RuleSet(tuple(rules.values()), path, tuple(added), tuple(changed), tuple(disabled))


def _read(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"expected a rule file at {path}, got: {error.strerror}") from error
    return read_toml(content, path)


def read_toml(content: bytes, path: Path) -> Mapping[str, object]:
    """Return what a TOML file says; WrongRules where it is none. A name that stands there twice is a mistake."""
    if len(content) > MOST_BYTES:
        raise WrongRules([f"{path}: expected at most {MOST_BYTES:,} bytes, got more"])
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise WrongRules([f"{path}: expected UTF-8, got a byte at position {error.start} that is none"]) from error
    except tomllib.TOMLDecodeError as error:
        twice = "twice" in str(error) or "overwrite" in str(error)
        expected = "expected each name once" if twice else "expected TOML"
        raise WrongRules([f"{path}: {expected}, got a mistake: {error}"]) from error
    except RecursionError as error:
        raise WrongRules([f"{path}: expected TOML, got tables nested too deeply"]) from error


def described(rules: RuleSet) -> str:
    """Say in a line what a rule file did to the rules."""
    parts = [f"{len(rules.rules)} alert rules"]
    for names, what in ((rules.added, "of its own"), (rules.changed, "changed"), (rules.disabled, "off")):
        if names:
            parts.append(f"{len(names)} {what} ({', '.join(names)})")
    return ", ".join(parts)
