"""Times as text: what is read, what is refused, and that writing and reading agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import format_timestamp, parse_naive_timestamp, parse_timestamp

AT = datetime(2014, 4, 1, 8, 30, 5, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2014-04-01T08:30:05Z", AT),
        ("2014-04-01t08:30:05z", AT),
        ("2014-04-01 08:30:05Z", AT),
        ("2014-04-01T16:30:05+08:00", AT),
        ("2014-04-01T03:00:05-05:30", AT),
        ("2014-04-01T08:30:05-00:00", AT),
        ("2014-04-01T08:30:05.5Z", AT.replace(microsecond=500_000)),
        ("2014-04-01T08:30:05.123456789Z", AT.replace(microsecond=123_456)),
        ("2014-04-01T16:30:05.999999999+08:00", AT.replace(microsecond=999_999)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T07:59:60.25+08:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_reads_rfc_3339(text: str, moment: datetime) -> None:
    said = parse_timestamp(text)
    assert said == moment
    assert said is not None and said.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2014-04-01",
        "2014-04-01T08:30:05",
        "2014-04-01T08:30Z",
        "2014-04-01T08:30:05.Z",
        "2014-04-01T08:30:05,5Z",
        "2014-04-01T08:30:05+08",
        "2014-04-01T08:30:05+0800",
        "2014-04-01T08:30:05+08:60",
        "2014-04-01T08:30:05+24:00",
        "2014-04-01T08:30:05+08:00:30",
        "2014-04-01T24:00:00Z",
        "2014-04-01T12:30:60Z",
        "2014-04-01T08:60:05Z",
        "2014-13-01T08:30:05Z",
        "2014-02-29T08:30:05Z",
        "2014-04-01X08:30:05Z",
        "2014/04/01T08:30:05Z",
        "2014-W14-2T08:30:05Z",
        "20140401T083005.000Z",
        "2014-04-01T08:30:05Z ",
        " 2014-04-01T08:30:05Z",
        "2014-04-01T08:30:05ZZ",
        "２014-04-01T08:30:05Z",
        "+014-04-01T08:30:05Z",
        "2014-04-01T08:30: 5Z",
        "2014-04-01T08:30:05.1_2Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "1396341005",
    ],
)
def test_refuses_what_is_not_rfc_3339_or_in_no_calendar(text: str) -> None:
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2014-04-01 08:30:05", (8, 30, 5, 0)),
        ("2014-04-01T08:30:05.25", (8, 30, 5, 250_000)),
        ("2014-04-01 08:30:05,123456789", (8, 30, 5, 123_456)),
        ("2014/04/01 08:30", (8, 30, 0, 0)),
        ("2014/4/1 8:30", (8, 30, 0, 0)),
        ("2014.04.01 08:30:05", (8, 30, 5, 0)),
        ("2014-04-01", (0, 0, 0, 0)),
        ("20140401", (0, 0, 0, 0)),
        ("20140401T0830", (8, 30, 0, 0)),
        ("20140401T083005", (8, 30, 5, 0)),
        ("20140401T083005.5", (8, 30, 5, 500_000)),
        ("20140401083005", (8, 30, 5, 0)),
    ],
)
def test_reads_a_time_without_zone_in_the_zone_given(text: str, parts: tuple[int, int, int, int]) -> None:
    hour, minute, second, microsecond = parts
    local = datetime(2014, 4, 1, hour, minute, second, microsecond)
    assert parse_naive_timestamp(text, UTC) == local.replace(tzinfo=UTC)
    in_shanghai = parse_naive_timestamp(text, SHANGHAI)
    assert in_shanghai == local.replace(tzinfo=UTC) - timedelta(hours=8)
    assert in_shanghai is not None and in_shanghai.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2014-04-01 08:30:05Z",
        "2014-04-01 08:30:05+08:00",
        "2014-04/01 08:30:05",
        "01/04/2014 08:30",
        "2014-04-01 25:00:00",
        "2014-04-01 24:00:00",
        "2014-04-01T08:30+08",
        "2014-04-01 08:30: 5",
        "2014-02-29 00:00:00",
        "2014-04-01 08:30:60",
        "2014-04-01 08",
        "14-04-01 08:30",
        "1396341005",
        "1396341005000",
        "２014-04-01",
        "2014-04-01 " + "0" * 10_000,
    ],
)
def test_refuses_other_forms_and_times_in_no_calendar(text: str) -> None:
    assert parse_naive_timestamp(text, UTC) is None


def test_an_hour_that_occurs_twice_is_the_first() -> None:
    assert parse_naive_timestamp("2024-11-03 01:30:00", NEW_YORK) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)


def test_the_ends_of_the_calendar_do_not_raise() -> None:
    assert parse_naive_timestamp("0001-01-01", timezone(timedelta(hours=1))) is None
    assert parse_naive_timestamp("9999-12-31 23:59:59", timezone(timedelta(hours=-1))) is None


def test_writes_one_form() -> None:
    assert format_timestamp(AT) == "2014-04-01T08:30:05.000000Z"
    assert format_timestamp(AT.astimezone(SHANGHAI).replace(microsecond=7)) == "2014-04-01T08:30:05.000007Z"
    assert format_timestamp(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000000Z"


def test_a_time_without_zone_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="expected a time with a zone, got 2014-04-01T00:00:00 without one"):
        format_timestamp(datetime(2014, 4, 1))


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))
def test_reads_what_it_writes(moment: datetime) -> None:
    assert parse_timestamp(format_timestamp(moment)) == moment.astimezone(UTC)


@given(st.one_of(st.text(st.characters(), max_size=40), st.from_regex(r"\A\d{4}.\d\d.\d\d.\d\d.\d\d.\d\d.{0,8}\Z")))
def test_no_text_raises(text: str) -> None:
    for said in (parse_timestamp(text), parse_naive_timestamp(text, NEW_YORK)):
        assert said is None or said.tzinfo is UTC
