"""The report of a replay: one HTML file that needs nothing else, and the same figures as JSON beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path

import orjson

from pipelines.replay.comparison import Comparison, SideFacts
from pipelines.replay.comparison_json import comparison_json
from pipelines.replay.device_figure import devices_over_time
from pipelines.replay.figures import Figure, alerts_over_time
from pipelines.replay.page_alerts import Cards, text
from pipelines.replay.page_answers import answer_section
from pipelines.replay.page_changes import change_section
from pipelines.replay.page_drift import drift_section
from pipelines.replay.page_quality import DOCS, quality_section
from pipelines.replay.page_scores import score_section
from pipelines.replay.page_style import SCRIPT, STYLE
from pipelines.replay.words import counted, percent, verdict
from pipelines.seen_event import time_text
from pipelines.version import VERSION

# Nothing may be fetched, whatever somebody wrote into an event; Plotly puts its own styles into the page.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write `report.html`, `report.json` and the pages of data quality into `folder`, which is made if need be.

    What an earlier report left there under these names is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / DOCS, ignore_errors=True)
    if comparison.quality is not None and comparison.quality.docs is not None:
        shutil.copytree(comparison.quality.docs, folder / DOCS)
    (folder / "report.json").write_bytes(comparison_json(comparison, indent=True) + b"\n")
    (folder / "report.html").write_text(report_page(comparison), encoding="utf-8")


def report_page(comparison: Comparison) -> str:
    """Return the page, with the plotting library in it."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - megabytes that only a report needs

    figures: dict[str, Figure] = {}
    body = "".join(_body(comparison, figures))
    # `<` as an escape: a text that says </script> must not end the script that carries it.
    data = orjson.dumps(figures).decode().replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Replay: {text(verdict(comparison))}</title><style>{STYLE}</style></head>"
        f'<body><main>{body}</main><script type="application/json" id="figures">{data}</script>'
        f"<script>{get_plotlyjs()}</script><script>{SCRIPT}</script></body></html>\n"
    )


def _body(comparison: Comparison, figures: dict[str, Figure]) -> Iterator[str]:
    yield _header(comparison)
    yield _tiles(comparison)
    yield '<noscript><p class="about">The plots need scripts; all figures stand in the tables too.</p></noscript>'
    cards = Cards(comparison.said, comparison.incidents)
    plot = partial(_plot, figures)
    yield from change_section(comparison, cards, plot)
    yield from _plots(comparison, figures)
    yield from score_section(comparison, plot)
    yield from _alerts(comparison, cards)
    yield from answer_section(comparison.topics, plot)
    yield from drift_section(comparison)
    yield from quality_section(comparison)
    yield _footer(comparison)


def _header(comparison: Comparison) -> str:
    survey = comparison.survey
    events = counted(sum(survey.events.values()), "event")
    when = ""
    if survey.first_us is not None and survey.until_us is not None:
        when = f" from {_minute(survey.first_us)} to {_minute(survey.until_us)} UTC"
    lead = (
        f"{events} of {counted(len(survey.devices), 'device')}{when}, through <b>{text(comparison.candidate.name)}</b>"
    )
    if comparison.baseline is not None:
        lead += f", compared with <b>{text(comparison.baseline.name)}</b>"
    verdict_class = ""
    if comparison.baseline is not None:
        allowed = f"{percent(comparison.tolerance)} may differ" if comparison.tolerance else "none may differ"
        word, verdict_class = ("within", "yes") if comparison.within_tolerance else ("beyond", "no")
        lead += f'. <span class="{verdict_class}">That is {word} the tolerance</span> ({allowed})'
    said = verdict(comparison)
    title = said[0].upper() + said[1:]
    return f'<header><p class="kicker">hubbub replay</p><h1>{text(title)}</h1><p class="lead">{lead}.</p></header>'


def _tiles(comparison: Comparison) -> str:
    alerts = comparison.alerts
    tiles: list[tuple[str, int, str]] = []
    if alerts is not None and comparison.has_alerts:
        tiles += [
            ("added", len(alerts.added), "added"),
            ("gone", len(alerts.gone), "gone"),
            ("changed", len(alerts.changed), "changed"),
            ("", len(alerts.same), "the same"),
        ]
    elif comparison.has_alerts:
        tiles.append(("", len(comparison.candidate.alerts), "alerts"))
    tiles += [("", sum(comparison.survey.events.values()), "events"), ("", len(comparison.survey.devices), "devices")]
    cells = "".join(
        f'<div class="tile {kind}"><b>{count:,}</b><span>{name}</span></div>' for kind, count, name in tiles
    )
    return f'<div class="tiles">{cells}</div>{_contents(comparison)}'


def _contents(comparison: Comparison) -> str:
    """Return links to the sections below."""
    names = {"time": "Over time"} if comparison.has_alerts else {}
    if comparison.evaluation is not None:
        names["truth"] = "Against the truth"
    if comparison.has_alerts:
        names["alerts"] = "Alerts"
    if comparison.topics:
        names["outputs"] = "Outputs"
    names |= {"drift": "Drift", "quality": "Data quality"}
    links = " · ".join(f'<a href="#{name}">{title}</a>' for name, title in names.items())
    return f'<nav class="small">{links}</nav>'


def _plots(comparison: Comparison, figures: dict[str, Figure]) -> Iterator[str]:
    two = comparison.baseline is not None
    over_time = (
        "By the moment they fired: the candidate's upwards, the baseline's downwards. What mirrors is the same."
        if two
        else "By the moment they fired."
    )
    yield _plot(figures, "time", alerts_over_time(comparison), "Alerts over time", over_time)
    bands = " The shaded bands are the labelled incidents." if comparison.incidents else ""
    lanes = (
        "From firing (the dot) to the end: the candidate's above; the baseline's below, paler. Most differing first."
    )
    about = (lanes if two else "From firing (the dot) to the end.") + bands
    yield _plot(figures, "devices", devices_over_time(comparison), "Device by device", about)


def _plot(figures: dict[str, Figure], name: str, figure: Figure | None, title: str, about: str) -> str:
    """Return a heading and the place of a plot; one of a group (matrix-2) has a smaller heading."""
    if figure is None:
        return ""
    figures[name] = figure
    level = 3 if "-" in name else 2
    return (
        f'<h{level}>{escape(title)}</h{level}><p class="about">{escape(about)}</p>'
        f'<div class="card"><div class="plot" id="{name}" role="img" aria-label="{escape(title)}"></div></div>'
    )


def _alerts(comparison: Comparison, cards: Cards) -> Iterator[str]:
    alerts = comparison.alerts
    if not comparison.has_alerts:
        return
    yield '<a id="alerts"></a>'
    if alerts is None:
        about = "Each opens to the events behind it."
        yield cards.alerts("What would be raised", about, comparison.candidate.alerts)
        return
    yield cards.alerts("Added", "Only the candidate raises these.", alerts.added)
    yield cards.alerts("Gone", "The baseline raised these; the candidate does not.", alerts.gone)
    about = "Both sides raise these, not in the same way. Shown as the candidate has them."
    yield cards.changes("Changed", about, alerts.changed)
    about = (
        "Raised by the candidate where the topic's compaction has dropped what was raised; not counted as different."
    )
    yield cards.alerts("Not known any more", about, alerts.unknown)


def _footer(comparison: Comparison) -> str:
    sides = [("Candidate", comparison.candidate), ("Baseline", comparison.baseline)]
    parts = "".join(f"<p>{title}: {_side(side)}</p>" for title, side in sides if side is not None)
    notes = "".join(f"<li>{text(note, 400)}</li>" for note in comparison.notes)
    topics = ", ".join(f"{name} {count:,}" for name, count in comparison.survey.events.items())
    refused = comparison.survey.refused
    dead = f" {counted(refused, 'record')} could not be read as an event." if refused else ""
    heading = f"<h2>Notes</h2><ul class=notes>{notes}</ul>" if notes else ""
    return (
        f"{heading}<footer><p>History: {text(comparison.history)}: {text(topics)}.{dead}</p>{parts}"
        f"<p>The same figures for programs: report.json. hubbub {escape(VERSION)}. "
        "Replaying changes nothing on the broker; no notification or command was sent.</p></footer>"
    )


def _side(side: SideFacts) -> str:
    said = [text(side.name), counted(len(side.alerts), "alert")]
    if side.dead_letters:
        said.append(counted(side.dead_letters, "dead letter"))
    if side.seconds:
        said.append(f"ran {side.seconds:.1f} s")
    models = "".join(f"<br><code>{text(identity)}</code>" for identity in side.models.values())
    return f"{', '.join(said)}{models}"


def _minute(time_us: int) -> str:
    return time_text(time_us)[:16].replace("T", " ")
