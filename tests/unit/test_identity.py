"""Ids never change: golden vectors made by `printf FIELDS | sha256sum` and by struct, not by the code under test."""

from __future__ import annotations

import pytest

from schemas.identity import (
    alert_id,
    cloud_event_id,
    deadline_id,
    file_row_id,
    identity,
    output_id,
    output_ids,
    record_id,
    record_ids,
)


# printf '\0\0\0\001a\0\0\0\002bc' | sha256sum
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((), "e3b0c44298fc1c149afbf4c8996fb924"),
        (("",), "df3f619804a92fdb4057192dc43dd748"),
        (("a", "bc"), "b534ce16ac9c8b36823f39a395ce8e0e"),
        (("ab", "c"), "f2939f903016e5bb29b1e4a61cdbd376"),
        (("device.logs", 3, 41), "7757d5c4735ef60fcd33733a846ed083"),
    ],
)
def test_hash_is_over_fields_with_their_lengths(fields: tuple[str | int, ...], expected: str) -> None:
    assert identity(*fields) == expected


def test_each_kind_of_id_is_made_of_its_fields_in_their_order() -> None:
    assert cloud_event_id("urn:设备:7", "e-1") == "ec76e5c6c3c166cd6c1edd37f20af655"
    assert record_id("device.logs", 3, 41) == "7757d5c4735ef60fcd33733a846ed083"
    assert file_row_id("ab" * 32, 17) == "c3481f207e1daeb588b39b8e692153da"
    assert output_id("0" * 32, "logs", "label_category", 0) == "3636391fc9ce17e18fd606e0536eb06a"
    assert deadline_id("raise_alerts", "d-17", 1772353800000000, 2) == "2009a0ebea0cda0c36018eb64f77eb81"
    assert alert_id("f00d", "0123456789abcdef0123456789abcdef") == "784d4e908a9217c72f26ec1d4f128ced"


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    offsets = [0, 9, 10, 41, 2**31, 2**63 - 1]
    assert record_ids("device.logs", 3, offsets) == [record_id("device.logs", 3, offset) for offset in offsets]
    assert record_ids("设备", 0, [0]) == [record_id("设备", 0, 0)]


def test_many_output_ids_are_one_by_one() -> None:
    events = [identity("event", number) for number in range(5)] + ["", "短い"]
    assert output_ids(events, "logs", "collect", 3) == [output_id(event, "logs", "collect", 3) for event in events]
