"""What a broker's URL may be, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.broker_url import open_broker, sqlite_path
from infra.settings import BrokerSection, WrongSetting


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:hubbub.db", "hubbub.db"),
        ("sqlite:/a/b.db", "/a/b.db"),
        ("sqlite:///a/b.db", "/a/b.db"),
        ("sqlite:a:b", "a:b"),
    ],
)
def test_a_file_is_named(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("hubbub.db", "did you mean sqlite:hubbub.db"),
        ("postgres://host/x", "expected a broker like sqlite:PATH"),
        ("sqlite:", "expected a file's path"),
        ("sqlite://hubbub.db", "expected a file's path"),
        ("sqlite::memory:", "expected a file's path"),
    ],
)
def test_anything_else_is_refused(url: str, said: str) -> None:
    with pytest.raises(WrongSetting, match=said):
        sqlite_path(url)


@pytest.mark.parametrize("scheme", ["http", "amqp"])
def test_secrets_are_not_repeated(scheme: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        sqlite_path(f"{scheme}://me:secret@host:1")
    assert "secret" not in str(caught.value)


def test_reading_makes_no_empty_broker(tmp_path: Path) -> None:
    section = BrokerSection(url=f"sqlite:{tmp_path}/x.db")
    with pytest.raises(WrongSetting, match="there is no broker file"):
        open_broker(section, must_exist=True)
    open_broker(section).close()
    with open_broker(section, must_exist=True) as broker:
        assert broker.url == section.url
