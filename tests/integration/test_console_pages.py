"""What holds on many pages of the console: hostile text, wrong queries, Chinese; reports, which are others' pages."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from infra.console_settings import ConsoleSection
from infra.settings import Settings
from pipelines.console.console import Console
from pipelines.console.reports_page import POLICY
from tests.console_client import logged_in
from tests.console_troubled_world import FORBIDDEN, HOSTILE, letters_of
from tests.console_world import FRIDGE


def test_a_device_that_the_registry_does_not_name_and_hostile_text(
    troubled_console: tuple[TestClient, Console],
) -> None:
    client, _ = troubled_console
    pages = [
        "/devices",
        f"/devices/{quote(HOSTILE, safe='')}",
        "/topics/acme.loudness",
        "/dead-letters",
        "/topics/dead.letters",
    ]
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        for forbidden in FORBIDDEN:
            assert forbidden not in answer.text, (path, forbidden)
    page = client.get(pages[1]).text
    assert "The registry does not name this device." in page
    assert "&lt;img src=x" in page


def test_reports_open_shut_in(troubled_site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "a <b>report"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<!doctype html><script>document.title='x'</script>")
    (folder / "report.json").write_text(json.dumps({"candidate": {"name": HOSTILE, "alerts": [{}]}, "baseline": None}))
    with logged_in(troubled_site, settings=with_reports(tmp_path / "reports")) as (client, _):
        page = client.get("/reports").text
        assert "1 alert would be raised" in page
        assert not any(forbidden in page for forbidden in FORBIDDEN)
        answer = client.get("/reports/" + quote("a <b>report"))
        assert (answer.status_code, answer.headers["content-security-policy"]) == (200, POLICY)
        assert "allow-same-origin" not in POLICY
        for name in ("..%2Freports", "nothing", "..%2F..%2Fhubbub.db"):
            assert client.get(f"/reports/{name}").status_code == 404
    with logged_in(troubled_site) as (client, _):
        assert "No folder of reports is named." in client.get("/reports").text


@pytest.mark.parametrize(
    "path",
    [
        "/devices?which=x",
        "/devices?page=0",
        "/dead-letters?fate=x",
        "/dead-letters?page=x",
        "/devices?page=99999999999",
    ],
)
def test_a_wrong_query_is_told(troubled_console: tuple[TestClient, Console], path: str) -> None:
    answer = troubled_console[0].get(path)
    assert (answer.status_code, "expected" in answer.text) == (400, True)


def test_every_page_speaks_chinese(troubled_site: Path) -> None:
    with logged_in(troubled_site, language="zh-CN") as (client, _):
        for path, said in (
            ("/devices", "台设备"), (f"/devices/{FRIDGE}", "预期范围"), ("/topics", "主题与作业"),
            ("/topics/alarms", "谁在读取"), ("/dead-letters", "条待处理的死信"), ("/models", "用途名称"),
            (f"/dead-letters/{letters_of(troubled_site)[0]}", "原始记录"), ("/models/text-enzh", "训练数据"),
            ("/reports", "回放报告"), ("/drift", "与模型卡上的参考数据对比"),
        ):  # fmt: skip
            assert said in client.get(path).text, path


def with_reports(folder: Path) -> Settings:
    return Settings(console=ConsoleSection(reports=str(folder)))
