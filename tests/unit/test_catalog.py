"""A pipeline is found by name: a shipped one, an entry point's, or `package.module:NAME`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.catalog import SHIPPED, UnknownPipeline, find_pipeline
from pipelines.pipeline import Pipeline


def test_every_shipped_pipeline_builds() -> None:
    assert [find_pipeline(name).name for name in SHIPPED] == list(SHIPPED)


@pytest.mark.parametrize("name", ["tests.jobs.counting:COUNTS", "tests.jobs.fragile:COPY"])
def test_ones_own_is_found_by_module_and_name(name: str) -> None:
    assert isinstance(find_pipeline(name), Pipeline)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lgos", "expected one of the pipelines logs, messages"),
        ("no.such.module:X", "cannot import"),
        ("tests.jobs.counting:NOBODY", "has no 'NOBODY'"),
        ("tests.jobs.counting:MINUTE_US", "to be a Pipeline or a function"),
    ],
)
def test_what_is_none_is_said_so(name: str, message: str) -> None:
    with pytest.raises(UnknownPipeline, match=message):
        find_pipeline(name)


def test_a_package_offers_pipelines_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hubbub.pipelines]\nacme = tests.jobs.counting:COUNTS\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_pipeline("acme").name == "counts"
