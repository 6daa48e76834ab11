"""Bounds, lost integers and the reason of each refusal of a JSON text."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest

from schemas.refused import Refused
from schemas.strict_json import DEFAULT_LIMITS, Limits, parse_json
from tests.python_calls import python_calls


def refusal(value: bytes, limits: Limits = DEFAULT_LIMITS) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_json(value, limits)
    return caught.value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "bad_json"),
        (b"NaN", "bad_json"),
        (b'"\\ud800"', "bad_json"),
        (b"\xef\xbb\xbf{}", "bad_json"),
        (b'"\xff"', "bad_utf8"),
        (b'"\xed\xa0\x80"', "bad_utf8"),  # a surrogate written as if it were a character
        (b'["\xff",]', "bad_json"),  # would be no JSON in any encoding
        (b"1e999", "schema"),
        (b"[18446744073709551616]", "schema"),
        (b"[-9223372036854775809]", "schema"),
        (b"1" * 5000, "schema"),
        (b"[" * 5000, "bad_json"),
        (b"[" * 65 + b"]" * 65, "too_large"),
    ],
)
def test_reason(value: bytes, reason: str) -> None:
    assert refusal(value).reason == reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"[1e20, 36893488147419103232.0]", [1e20, 2.0**65]),  # written as floats: nothing is lost
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b" \r\n\t[] ", []),
    ],
)
def test_accepts(value: bytes, expected: object) -> None:
    assert parse_json(value) == expected


def test_a_text_at_its_bounds_is_accepted_and_one_beyond_is_not() -> None:
    limits = Limits(bytes=200, depth=5, values=10)
    assert parse_json(b'"%b"' % (b"a" * 198), limits) == "a" * 198
    assert refusal(b'"%b"' % (b"a" * 199), limits).reason == "too_large"
    assert parse_json(b"[[[[[1]]]]]", limits) == [[[[[1]]]]]
    assert refusal(b"[[[[[[1]]]]]]", limits).reason == "too_large"
    assert parse_json(b"[1,2,3,4,5,6,7,8,9,0]", limits) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert refusal(b"[1,2,3,4,5,6,7,8,9,0,1]", limits).reason == "too_large"


def test_signs_inside_texts_count_for_nothing() -> None:
    text = '[[[[[[{{{{{{\\"[[[[\\\\' + "," * 100
    assert parse_json(b'["' + text.encode() + b'"]', Limits(depth=2, values=5)) == ['[[[[[[{{{{{{"[[[[\\' + "," * 100]


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"{" + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}",
        b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}",
        b"[" + b"1" * 5000 + b"]",
        b"[" + b",".join([b"99999999999999999999"] * 9000) + b"]",
        b'"' + b"a" * (1 << 20) + b'"',
        b'"' + b"\\" * ((1 << 20) - 2) + b'"[' + b"[" * 100,
    ],
    ids=["arrays", "objects", "1e6 keys", "90,000 keys", "digits", "many integers", "1 MiB", "backslashes"],
)
def test_a_bomb_is_refused_with_little_work_in_little_memory(value: bytes) -> None:
    assert python_calls(lambda: refusal(value)) < 10 * DEFAULT_LIMITS.values, "work goes by the limit, not by the text"
    tracemalloc.start()
    try:
        refusal(value)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_a_refusal_travels_between_processes() -> None:
    refused = refusal(b"nope")
    copy = pickle.loads(pickle.dumps(refused))
    assert (copy.reason, copy.stage, str(copy)) == ("bad_json", "DECODE", str(refused))


def test_a_refusal_knows_only_the_reasons_of_dead_letters() -> None:
    with pytest.raises(ValueError, match="this is a bug"):
        Refused("whim", "DECODE", "")
