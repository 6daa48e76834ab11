"""`hubbub demo`: a small building talks for about a minute, and hubbub says what it heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.options import broker_options, chosen_models, chosen_rules, rules_option, settings_of

if TYPE_CHECKING:
    from infra.broker import Broker
    from infra.settings import Settings
    from pipelines.demo.incidents.incident import Incident
    from pipelines.demo.simulate import Simulation

DEMO_FILE = "hubbub-demo.db"
TRUTH_FILE = "hubbub-demo-truth.jsonl"
EVENTS, QUICK_EVENTS = 50_000, 4_000


@click.command(epilog="Example: hubbub demo --quick")
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another day.")
@click.option(
    "--events", type=click.IntRange(1000, 10_000_000), metavar="N", help=f"About how many (default {EVENTS:,})."
)
@click.option("--quick", is_flag=True, help=f"A corner of the building and {QUICK_EVENTS:,} events: some ten seconds.")
@click.option("--energy", is_flag=True, help="Instead: five weeks of its energy meters, and what was wasted.")
@rules_option
@broker_options
def demo(
    *,
    seed: int,
    events: int | None,
    quick: bool,
    energy: bool,
    rules: Path | None,
    broker: str | None,
    config: Path | None,
) -> int:
    """A small building talks for about a minute, and the real pipelines listen.

    Devices write logs and readings and raise alarms, people write in English and Chinese. Alerts appear as they fire,
    with their evidence; the end says what was planted and what was found. All of it is kept in hubbub-demo.db, made
    anew each time, or on the broker that you name; the truth in hubbub-demo-truth.jsonl.
    """
    from infra.broker_url import open_broker
    from pipelines.catalog import REKEYED, find_pipeline, shipped_pipelines
    from pipelines.demo.building import MULBERRY_HOUSE
    from pipelines.demo.performance import Performance
    from pipelines.demo.registry import registry
    from pipelines.demo.stage import Stage
    from pipelines.engines.job_settings import JobSettings
    from pipelines.error_sentences import INTERRUPTED
    from pipelines.stop_signals import StopSignals

    given = None if rules is None else str(rules)
    settings = settings_of(broker or f"sqlite:{DEMO_FILE}", config, alerts__rules=given)
    alert_rules = chosen_rules(settings).rules
    if broker is None:
        _begin_anew(Path(DEMO_FILE))
    if energy:
        return _energy(settings, seed)
    simulation = _yesterday(seed, events, quick)
    stage = Stage()
    with open_broker(settings.broker, settings.kafka) as opened, StopSignals() as stop:
        _say_if_used(opened)
        stage.open(simulation)
        # Simulated time moves by events alone; ticks would pull it to the wall clock.
        rate = settings.telemetry.false_alarms_per_month
        shipped = shipped_pipelines(chosen_models(settings), alert_rules, rate)
        pipelines = [*shipped, *map(find_pipeline, REKEYED)]
        play = Performance(simulation, opened, pipelines, JobSettings(tick_s=None))
        # The registry knows the whole house, whichever part of it talks.
        opened.append(list(registry(MULBERRY_HOUSE, simulation.first_us)))
        for moment in play.moments(stop.requested):
            for alert in moment.alerts:
                if (alert.fired_us or 0) >= simulation.start_us and alert.first["severity"] != "indeterminate":
                    stage.alert(alert)
            stage.progress(moment, simulation)
        stage.clear_progress()
        if stop.requested.is_set():
            stage.stopped(play.feed.produced, opened.url)
            return INTERRUPTED
        stage.close(play.findings(), dict(play.feed.counts), play.seconds)
        stage.incidents(_incidents(opened, simulation.start_us))
        _write_truth(Path(TRUTH_FILE), simulation.incidents)
        stage.invite(_next_commands(opened.url))
    return 0


def _energy(settings: Settings, seed: int) -> int:
    """Play the weeks of energy that ended on the last Monday at midnight UTC."""
    from infra.broker_url import open_broker
    from pipelines.demo.energy import WEEK_US, EnergySimulation
    from pipelines.demo.energy_play import play_energy, told

    monday = datetime(2024, 1, 1, tzinfo=UTC)
    since_us = round((datetime.now(UTC) - monday).total_seconds() * 1_000_000)
    end_us = round(monday.timestamp() * 1_000_000) + since_us // WEEK_US * WEEK_US
    simulation = EnergySimulation(seed, end_us)
    with open_broker(settings.broker, settings.kafka) as opened:
        for line in told(simulation, play_energy(opened, simulation)):
            click.echo(line)
        click.echo("\nAll of it is kept. To go on:")
        click.echo(f"  hubbub subscribe --broker {opened.url} site.energy --device meter-offices --json")
        click.echo(f"  hubbub alerts --broker {opened.url} --all")
    return 0


def _yesterday(seed: int, events: int | None, quick: bool) -> Simulation:
    """Return the day that ended at the last midnight UTC: replay is about yesterday's events, so these are."""
    from pipelines.demo.building import MULBERRY_CORNER, MULBERRY_HOUSE
    from pipelines.demo.plan import A_DAY, A_QUICK_DAY
    from pipelines.demo.simulate import Simulation

    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    building, plan = (MULBERRY_CORNER, A_QUICK_DAY) if quick else (MULBERRY_HOUSE, A_DAY)
    about = events or (QUICK_EVENTS if quick else EVENTS)
    # The quick day has few metrics with daily patterns, and no time for a day of learning them.
    learning_days = 0 if quick else 1
    return Simulation(building, plan, seed, round(midnight.timestamp() * 1_000_000), about, learning_days)


def _incidents(broker: Broker, start_us: int) -> list[dict[str, Any]]:
    """Return the incidents of the day, in order of their start."""
    from pipelines.demo.event import rfc3339
    from pipelines.latest_records import latest_records
    from schemas.incidents import INCIDENTS

    found = [one.event for one in latest_records(broker, INCIDENTS.name) if one.event is not None]
    today = [one for one in found if str(one["opened_at"]) >= rfc3339(start_us)]
    return sorted(today, key=lambda one: str(one["started_at"]))


def _next_commands(url: str) -> Iterator[tuple[str, str]]:
    yield f"hubbub incidents --broker {url} --all", "what belongs together; with an ID, its timeline"
    yield f"hubbub alerts --broker {url}", "what is still open"
    yield f"hubbub subscribe --broker {url} --device freezer-2", "how one device's alerts went"
    yield f"hubbub run forecasts --until-end --broker {url}", "which serious alarms could be told before they came"
    yield (
        f"hubbub replay --broker {url} --labels {TRUTH_FILE} --report report",
        "the same days again: the same alerts, judged by the truth; with another model, what would change",
    )


def _write_truth(path: Path, incidents: Sequence[Incident]) -> None:
    """Write what was planted as labels for `hubbub replay`: one line a device and incident."""
    import orjson

    from pipelines.demo.event import rfc3339

    with path.open("wb") as file:
        for incident in incidents:
            if not incident.harmless:
                span = {"from": rfc3339(incident.start_us), "until": rfc3339(incident.end_us), "kind": incident.kind}
                for device in incident.devices:
                    file.write(orjson.dumps({"device_id": device, **span}, option=orjson.OPT_APPEND_NEWLINE))


def _begin_anew(path: Path) -> None:
    """Remove what the last demo left: the broker's file and those that SQLite and the slots put beside it."""
    from infra.instance_slot import is_alive

    if path.exists() and is_alive(path, "0"):
        raise click.ClickException(f"a job is using {path} just now; let it end, or name another file with --broker")
    for left in (path, *path.parent.glob(f"{path.name}-*")):
        left.unlink(missing_ok=True)


def _say_if_used(broker: Broker) -> None:
    """Warn that a broker holds events already: what is earlier than they are comes late."""
    from infra.broker import TopicPartition
    from schemas.catalog import INPUTS

    existing = broker.topics()
    parts = [TopicPartition(topic.name, n) for topic in INPUTS for n in range(existing.get(topic.name, 0))]
    if any(broker.bounds(part)[1] for part in parts):
        click.echo(f"hubbub: {broker.url} holds events already; of those, the demo's may be late or repeated", err=True)
