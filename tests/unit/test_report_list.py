"""The replay reports of a folder: listed by what they found; no name and no link leads out of the folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.console.report_list import page_of, reports_in

FIGURES: dict[str, Any] = {
    "history": {"events": {"alarms": 20, "alerts": 5}, "devices": 3, "from": "2026-03-01T08:00:00Z", "until": None},
    "baseline": {"name": "today", "alerts": []},
    "candidate": {"name": "count=5", "alerts": [{}, {}]},
    "within_tolerance": False,
    "alerts": {"same": 40, "differing": 2},
}


def write(folder: Path, figures: object = FIGURES, age_s: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text("<!doctype html>")
    (folder / "report.json").write_text(figures if isinstance(figures, str) else json.dumps(figures))
    os.utime(folder / "report.html", (1_700_000_000 - age_s, 1_700_000_000 - age_s))


def test_reports_are_listed_the_newest_first(tmp_path: Path) -> None:
    write(tmp_path, age_s=50)
    write(tmp_path / "older", {**FIGURES, "baseline": None}, age_s=9)
    write(tmp_path / "newer")
    (tmp_path / "no-report").mkdir()
    found = reports_in(str(tmp_path))
    assert [one.name for one in found] == ["newer", "older", "this"]
    newest, older, _ = found
    assert (newest.candidate, newest.baseline, newest.events, newest.devices) == ("count=5", "today", 25, 3)
    assert (newest.alerts, newest.differing, newest.within, newest.written) == (
        42,
        2,
        False,
        "2023-11-14T22:13:20.000000Z",
    )
    assert (older.baseline, older.within) == ("", None)


@pytest.mark.parametrize("figures", ["", "[1]", "{", '{"history": 5, "alerts": [], "candidate": {"name": {}}}', {}])
def test_figures_that_cannot_be_read_leave_the_report_openable(tmp_path: Path, figures: object) -> None:
    write(tmp_path / "r", figures)
    (one,) = reports_in(str(tmp_path))
    assert (one.name, one.alerts, one.events, one.candidate) == ("r", None, None, "")
    assert page_of(str(tmp_path), "r") == tmp_path / "r" / "report.html"


def test_nothing_leads_out_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "outside")
    inside = tmp_path / "inside"
    write(inside / "own")
    (inside / "linked").symlink_to(tmp_path / "outside")
    (inside / "page").mkdir()
    (inside / "page" / "report.html").symlink_to(tmp_path / "outside" / "report.html")
    assert [one.name for one in reports_in(str(inside))] == ["own"]
    for name in ("../outside", "linked", "page", "own/../../outside", "/etc", "", ".", ".."):
        assert page_of(str(inside), name) is None


def test_no_folder_has_no_reports(tmp_path: Path) -> None:
    assert reports_in("") == []
    assert reports_in(str(tmp_path / "missing")) == []
