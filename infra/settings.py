"""Settings: flags over `HUBBUB_*` over `hubbub.toml` over defaults; each value checked, each error with its place.

The file is `hubbub.toml` in the working directory, or the one that is named; a relative path in it is relative to it,
one from a flag or a variable to the working directory. An unknown key is refused, because a misspelt one that is
silently ignored costs a day. Nothing is read here on import: the caller passes the environment.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from infra.console_settings import ConsoleSection
from infra.kafka.settings import PATHS as KAFKA_PATHS
from infra.kafka.settings import KafkaSection
from infra.secret import Secret
from infra.serve_settings import ServeSection

FILE_NAME = "hubbub.toml"
RULES_NAME = "alerts.toml"
PREFIX = "HUBBUB_"
MODELS_VARIABLE = "HUBBUB_MODELS"

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0.0)]


class WrongSetting(ValueError):
    """A setting that cannot be used: where it stands, what was expected, what came."""


class BrokerSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the topics lie."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            description="`sqlite:PATH` (a relative PATH is relative to this file) or `kafka://HOST:PORT,...`",
        ),
    ] = "sqlite:hubbub.db"
    durability: Annotated[
        Literal["off", "normal", "full"],
        Meta(description="`normal` survives a killed process, `full` a power cut too, `off` is for throw-away files"),
    ] = "normal"
    retention_days: Annotated[
        float,
        Meta(gt=0.0, description="how long records of ordinary topics are kept; compacted ones keep each key's last"),
    ] = 7.0


class JobSection(Struct, frozen=True, forbid_unknown_fields=True):
    """How a job runs. Only the two time rules (`lateness_s`, `max_ahead_s`) can change an answer."""

    batch_records: Annotated[Count, Meta(description="most records that one step reads")] = 2000
    batch_bytes: Annotated[Count, Meta(description="most bytes that one step reads; bounds memory")] = 4 << 20
    lateness_s: Annotated[
        Seconds, Meta(description="how much older than the newest a row may be before it is late")
    ] = 10.0
    max_ahead_s: Annotated[
        Seconds, Meta(description="a row further ahead of its arrival than this is a dead letter `clock`")
    ] = 300.0
    tick_s: Annotated[
        Seconds, Meta(description="how long a partition must be quiet before time moves without rows; 0: never")
    ] = 5.0
    poll_s: Annotated[float, Meta(gt=0.0, description="how long to wait for news before looking again")] = 0.25
    maintain_s: Annotated[float, Meta(gt=0.0, description="how often to apply retention and compaction")] = 60.0
    crash_deaths: Annotated[
        Count, Meta(description="after so many deaths of the process at one record it is a dead letter `crash_loop`")
    ] = 3
    merge_buffer_bytes: Annotated[Count, Meta(description="most bytes that a merge of topics holds back")] = 64 << 20
    skip_removed: Annotated[
        bool,
        Meta(description="go on though records were removed (retention) before they were read; else the job stops"),
    ] = False


class AlertsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What is worth an alert."""

    rules: Annotated[
        str,
        Meta(
            description="the file of alert rules (default: `alerts.toml`, if it is there: beside this file, or in "
            "the working directory when there is no such file)"
        ),
    ] = ""


class MetricsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """How what runs is watched: a job, and the notifier, each at an address of its own."""

    listen: Annotated[
        str,
        Meta(
            description="`HOST:PORT` where `hubbub run` answers /metrics, /healthz and /readyz, to whoever can reach "
            "it; empty: nowhere"
        ),
    ] = ""
    notify_listen: Annotated[str, Meta(description="the same for `hubbub notify`; another port than `listen`")] = ""


class LogsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """How `run`, `serve` and `notify` speak on stderr."""

    format: Annotated[
        Literal["text", "json"],
        Meta(description="`text` for people; `json`: one object a line, with trace ids, for whoever collects logs"),
    ] = "text"


class TracesSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the traces of a job go. OpenTelemetry's own variables (`OTEL_...`) say the rest, headers among it."""

    url: Annotated[
        str,
        Meta(description="an OTLP collector over HTTP, like `http://127.0.0.1:4318`; empty: nobody collects traces"),
    ] = ""


class TelemetrySection(Struct, frozen=True, forbid_unknown_fields=True):
    """How odd a reading must be. What does not hold the default is said in the `model` of every answer."""

    false_alarms_per_month: Annotated[
        float,
        Meta(
            gt=0.0,
            lt=43_200.0,  # that many readings: each of them
            description="how many false alarms a series that is read once a minute may have in thirty days; one that "
            "is read every N minutes has an N-th of them",
        ),
    ] = 1.0


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. `models` gives bundles by the name of the model that they stand in for."""

    broker: BrokerSection = BrokerSection()
    job: JobSection = JobSection()
    kafka: KafkaSection = KafkaSection()
    serve: ServeSection = ServeSection()
    console: ConsoleSection = ConsoleSection()
    alerts: AlertsSection = AlertsSection()
    metrics: MetricsSection = MetricsSection()
    logs: LogsSection = LogsSection()
    traces: TracesSection = TracesSection()
    telemetry: TelemetrySection = TelemetrySection()
    models: dict[str, str] = {}


SECTIONS: Mapping[str, type[Struct]] = {
    "broker": BrokerSection,
    "job": JobSection,
    "kafka": KafkaSection,
    "serve": ServeSection,
    "console": ConsoleSection,
    "alerts": AlertsSection,
    "metrics": MetricsSection,
    "logs": LogsSection,
    "traces": TracesSection,
    "telemetry": TelemetrySection,
}
Values = dict[str, dict[str, object]]


def load_settings(
    *,
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str],
    config: Path | None = None,
    directory: Path,
) -> Settings:
    """Read the settings that hold in `directory`.

    `flags` are by dotted name (`broker.url`), those that are None were not given. `config` is the file that a person
    named, which must exist. Raises WrongSetting.
    """
    if config is None and (named := environment.get(f"{PREFIX}CONFIG")):
        config = Path(named)
    values: Values = {}
    path = config if config is not None else directory / FILE_NAME
    if config is not None or path.is_file():
        values = _checked(_read_file(path), str(path))
        _root_paths(values, path.absolute().parent)
    _take_variables(values, environment)
    _take_models(values, environment)
    for name, value in (flags or {}).items():
        if value is not None:
            section, _, key = name.partition(".")
            # A model's name may have dots of its own.
            type_ = str if section == "models" else _type_of(section, key)
            values.setdefault(section, {})[key] = _typed(value, type_, f"the command line: {name}")
    if "rules" not in values.get("alerts", {}) and (rules := path.parent / RULES_NAME).is_file():
        values.setdefault("alerts", {})["rules"] = str(rules)
    return msgspec.convert(values, Settings)


def variable_of(section: str, key: str) -> str:
    """Return the environment variable of a setting, for example HUBBUB_BROKER_URL."""
    return f"{PREFIX}{section}_{key}".upper()


def _read_file(path: Path) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongSetting(f"expected a settings file at {path}, got: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongSetting(f"{path}: expected UTF-8, got a byte at position {error.start} that is none") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongSetting(f"{path}: expected TOML, got a mistake: {error}") from error


def _checked(found: Mapping[str, object], place: str) -> Values:
    """Return a file's values, each of its declared type."""
    values: Values = {}
    for section, inside in found.items():
        _check_name(section, Settings.__struct_fields__, f"{place}: [{section}]", "section")
        if not isinstance(inside, dict):
            raise WrongSetting(f"{place}: {section}: expected a section [{section}] with keys, got {inside!r}")
        for key, value in inside.items():
            at = f"{place}: {section}.{key}"
            if section != "models":
                _check_name(key, SECTIONS[section].__struct_fields__, at, "key")
            type_ = str if section == "models" else _type_of(section, key)
            values.setdefault(section, {})[key] = _typed(value, type_, at)
    return values


def _check_name(name: str, known: tuple[str, ...], place: str, kind: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise WrongSetting(f"{place}: expected a {kind} of {', '.join(known)}, got {name!r}{hint}")


def _type_of(section: str, key: str) -> object:
    return next(field.type for field in msgspec.structs.fields(SECTIONS[section]) if field.name == key)


def _typed(value: object, type_: object, place: str, *, from_text: bool = False) -> object:
    if _is_secret(type_):
        raise WrongSetting(f"{place}: expected no secret here; its environment variable or a file of its own holds it")
    try:
        return msgspec.convert(value, type_, strict=not from_text)
    except msgspec.ValidationError as error:
        plain = get_args(type_)[0] if get_origin(type_) is Annotated else type_
        if get_origin(plain) is Literal:
            expected = f"one of {', '.join(get_args(plain))}"
        else:  # msgspec says "Expected `int` >= 1", and sometimes ", got `str`"
            expected = str(error).partition(", got ")[0].removeprefix("Expected ").replace("`", "")
        raise WrongSetting(f"{place}: expected {expected}, got {value!r}") from None


def _is_secret(type_: object) -> bool:
    return Secret in get_args(get_args(type_)[0] if get_origin(type_) is Annotated else type_)


def _root_paths(values: Values, folder: Path) -> None:
    """Make the file's relative paths absolute."""
    url = str(values.get("broker", {}).get("url", ""))
    if url.startswith("sqlite:") and not url.startswith("sqlite:/"):
        values["broker"]["url"] = f"sqlite:{folder / url.removeprefix('sqlite:')}"
    if rules := values.get("alerts", {}).get("rules"):
        values["alerts"]["rules"] = str(folder / str(rules))
    for key in KAFKA_PATHS:
        if path := values.get("kafka", {}).get(key):
            values["kafka"][key] = str(folder / str(path))
    for section in ("serve", "console"):
        if path := values.get(section, {}).get("token_file"):
            values[section]["token_file"] = str(folder / str(path))
    if path := values.get("console", {}).get("reports"):
        values["console"]["reports"] = str(folder / str(path))
    for name, path in values.get("models", {}).items():
        values["models"][name] = str(folder / str(path))


def _take_models(values: Values, environment: Mapping[str, str]) -> None:
    """Let the bundles in the folder that HUBBUB_MODELS names stand in for those of the same names."""
    named = environment.get(MODELS_VARIABLE)
    if not named:
        return
    folder = Path(named)
    if not folder.is_dir():
        raise WrongSetting(f"{MODELS_VARIABLE}: expected a folder of model bundles, got {named!r}")
    models = values.setdefault("models", {})
    models.update({one.name: str(one) for one in sorted(folder.iterdir()) if one.is_dir()})


def _take_variables(values: Values, environment: Mapping[str, str]) -> None:
    known = {
        variable_of(section, key): (section, key)
        for section, struct in SECTIONS.items()
        for key in struct.__struct_fields__
    }
    prefixes = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)
    for variable, text in environment.items():
        if variable in known:
            section, key = known[variable]
            type_ = _type_of(section, key)
            values.setdefault(section, {})[key] = (
                Secret(text, variable) if _is_secret(type_) else _typed(text, type_, variable, from_text=True)
            )
        elif variable.startswith(prefixes):
            _check_name(variable, tuple(known), "environment", "variable")
