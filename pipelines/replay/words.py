"""Figures and differences in words, the same in the summary and in the report."""

from __future__ import annotations

from pipelines.replay.compare import Change
from pipelines.replay.comparison import Comparison
from pipelines.replay.measure import Scores
from pipelines.seen_event import time_text

KIND_WORDS = {
    "added": "added: only the candidate raises it",
    "gone": "gone: the candidate does not raise it",
    "earlier": "fires earlier",
    "later": "fires later",
    "severity": "another severity",
    "state": "another state",
    "category": "another category",
    "count": "another number of events",
    "ended": "ends otherwise",
    "evidence": "other events behind it",
}


def verdict(comparison: Comparison) -> str:
    """Say the answer in one sentence."""
    alerts, name = comparison.alerts, comparison.candidate.name
    if comparison.baseline is None:
        return f"{name}: {counted(len(comparison.candidate.alerts), 'alert')} would be raised"
    if alerts is None or not comparison.has_alerts:
        differing = sum(one.all_differing for one in comparison.topics.values())
        rows = sum(one.rows for one in comparison.topics.values())
        share = f" ({percent(comparison.differing_share)})" if differing else ""
        return f"{differing:,} of {counted(rows, 'output row')} differ{share}"
    if not alerts.differing:
        return f"no alert differs: both sides raise the same {counted(alerts.total, 'alert')}"
    return f"{alerts.differing:,} of {counted(alerts.total, 'alert')} differ ({percent(alerts.share)})"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "alert"), counted(2500, "alert")
    ('1 alert', '2,500 alerts')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """Write a share in percent; a dash for none. What is not all is never written as all.

    >>> percent(0.5), percent(0.99999), percent(None)
    ('50 %', '99.9 %', '–')
    """
    if share is None:
        return "–"
    text = f"{100 * share:.1f}"
    if share < 1 and text == "100.0":
        text = "99.9"
    return f"{text.removesuffix('.0')} %"


def duration(seconds: float | None, digits: int = 3) -> str:
    """Write a time span as a person says it.

    >>> duration(45), duration(600), duration(None)
    ('45 s', '10 min', '–')
    """
    if seconds is None:
        return "–"
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 1.5 * size:
            return f"{_digits(seconds / size, digits)} {unit}"
    return f"{_digits(seconds, digits)} s"


def _digits(value: float, digits: int) -> str:
    """Write a number with so many digits that count, never as a power of ten: a day of 1,400 minutes has four."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"


def changes_in_words(change: Change) -> str:
    """Say what is not the same in an alert, from the baseline to the candidate."""
    old, new = change.before, change.after
    said = []
    for kind in change.kinds:
        if kind in ("earlier", "later"):
            said.append(f"{duration(abs(change.sooner_s))} {kind}")
        elif kind == "ended":
            said.append(f"ended {_end(old.resolved_us, old.resolved_by)} → {_end(new.resolved_us, new.resolved_by)}")
        elif kind == "evidence":
            said.append("other events behind it")
        else:
            said.append(f"{kind} {getattr(old, kind)} → {getattr(new, kind)}")
    return ", ".join(said)


def score_cells(scores: Scores) -> list[str]:
    """Write a row of figures, in the order of SCORE_HEADS."""
    alarms = scores.false_alarms_a_device_day
    return [
        f"{scores.alerts:,.0f}",
        f"{scores.found:,.3g} of {scores.incidents:,}",
        _figure(scores.precision),
        _figure(scores.recall),
        _figure(scores.f1),
        duration(scores.delay_s),
        duration(scores.delay_p90_s),
        "–" if alarms is None else f"{alarms:.3g}",
    ]


def interval_cell(measure: str, interval: tuple[float, float] | None, *, signed: bool = False) -> str:
    """Write an interval below its figure, in the figure's own terms.

    >>> interval_cell("recall", (0.5, 0.875)), interval_cell("delay_s", (45.0, 600.0))
    ('0.500 … 0.875', '45 s … 10 min')
    """
    if interval is None:
        return ""
    return " … ".join(difference_cell(measure, end, 2) if signed else _of_measure(measure, end, 2) for end in interval)


def difference_cell(measure: str, value: float | None, digits: int = 3) -> str:
    """Write a difference with its sign; `digits` of times and rates.

    >>> difference_cell("recall", -0.25), difference_cell("delay_s", 90.0), difference_cell("f1", None)
    ('-0.250', '+1.5 min', '–')
    """
    if value is None:
        return "–"
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{_of_measure(measure, abs(value), digits)}"


def _of_measure(measure: str, value: float, digits: int) -> str:
    if measure.startswith("delay"):
        return duration(value, digits)
    return f"{value:.{digits}g}" if measure == "false_alarms_a_device_day" else f"{value:.3f}"


SCORE_HEADS = ("alerts", "found", "precision", "recall", "F1", "median delay", "p90", "false alarms a device-day")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _end(at_us: int | None, by: str | None) -> str:
    return "not yet" if at_us is None else f"{time_text(at_us)[11:19]} by {by}"
