"""The replay reports of a folder: what each found, by its `report.json`, and where its page lies.

A report is named by the folder that it lies in; a name that is not in this list opens nothing, so no path that somebody
makes up leads out of the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from pipelines.seen_event import time_text

PAGE: Final = "report.html"
FIGURES: Final = "report.json"
MOST_REPORTS: Final = 200
MOST_BYTES: Final = 64 << 20
HERE: Final = "this"
"""The name of a report that lies in the folder itself."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report. Figures are None, and texts empty, where `report.json` is missing or says otherwise."""

    name: str
    page: Path
    written: str
    candidate: str = ""
    baseline: str = ""
    events: int | None = None
    devices: int | None = None
    begin: str = ""
    end: str = ""
    alerts: int | None = None
    differing: int | None = None
    within: bool | None = None


def reports_in(folder: str) -> list[Report]:
    """Return the reports, the newest first; none where nobody named a folder, or it is not there."""
    root = Path(folder)
    if not folder or not root.is_dir():
        return []
    named = {HERE: root} | {one.name: one for one in sorted(root.iterdir()) if one.is_dir() and not one.is_symlink()}
    found = [(one / PAGE, name) for name, one in named.items() if _is_own_file(one / PAGE)]
    newest = sorted(found, key=lambda one: one[0].stat().st_mtime_ns, reverse=True)[:MOST_REPORTS]
    return [_report(name, page) for page, name in newest]


def page_of(folder: str, name: str) -> Path | None:
    """Return the page of the report of this name; None when there is none."""
    return next((one.page for one in reports_in(folder) if one.name == name), None)


def _is_own_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _report(name: str, page: Path) -> Report:
    written = time_text(page.stat().st_mtime_ns // 1000)
    said = _figures(page.with_name(FIGURES))
    history, alerts = _object(said.get("history")), _object(said.get("alerts"))
    baseline, candidate = said.get("baseline"), _object(said.get("candidate"))
    events = _object(history.get("events")).values()
    raised, same, differing = candidate.get("alerts"), _whole(alerts.get("same")), _whole(alerts.get("differing"))
    total = same + differing if same is not None and differing is not None else None
    within = said.get("within_tolerance")
    return Report(
        name=name,
        page=page,
        written=written,
        candidate=_text(candidate.get("name")),
        baseline=_text(_object(baseline).get("name")),
        events=sum(one for one in events if isinstance(one, int)) if history else None,
        devices=_whole(history.get("devices")),
        begin=_text(history.get("from")),
        end=_text(history.get("until")),
        alerts=len(raised) if total is None and isinstance(raised, list) else total,
        differing=differing,
        within=within if isinstance(within, bool) and isinstance(baseline, dict) else None,
    )


def _figures(path: Path) -> Mapping[str, Any]:
    try:
        if not _is_own_file(path) or path.stat().st_size > MOST_BYTES:
            return {}
        return _object(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError):
        return {}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
