"""Masking: what counts as varying, and that nothing of a line is lost by it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.masking import LONGEST_FORM, MOST_WORDS, MaskedLine, mask_lines
from operators.masking_words import MASK


def masked(text: str) -> MaskedLine:
    [line] = mask_lines(pa.array([text], pa.string()))
    assert line is not None
    return line


@pytest.mark.parametrize(
    ("text", "form", "texts"),
    [
        ("link down on port 4", "link down on port *", ["4"]),
        ("took 12.5ms, -3 retries, 98.6% full", "took *, * retries, * full", ["12.5ms", "-3", "98.6%"]),
        ("from 10.0.0.7:8080 to /10.1.2.3", "from * to *", ["10.0.0.7:8080", "/10.1.2.3"]),
        ("peer fe80::1ff:fe23:4567:890a%eth0 up", "peer * up", ["fe80::1ff:fe23:4567:890a%eth0"]),
        ("peer 2001:db8:0:0:0:0:2:1 up", "peer * up", ["2001:db8:0:0:0:0:2:1"]),
        ("station 00:1A:2b:3c:4d:5e left", "station * left", ["00:1A:2b:3c:4d:5e"]),
        ("req 550e8400-e29b-41d4-a716-446655440000 ok", "req * ok", ["550e8400-e29b-41d4-a716-446655440000"]),
        ("blk_-1608999687919862906 lost", "blk_* lost", ["-1608999687919862906"]),
        ("open /var/log/app.log failed", "open * failed", ["/var/log/app.log"]),
        (r"open C:\Users\x\y.txt failed", "open * failed", [r"C:\Users\x\y.txt"]),
        ("get https://a.example/b?c=1 now", "get * now", ["https://a.example/b?c=1"]),
        ("at 2026-03-01 08:30:00.123 and 7:05", "at * and *", ["2026-03-01 08:30:00.123", "7:05"]),
        ("Face::method failed, yes/no", "Face::method failed, yes/no", []),
        ("code 0x1F on eth0", "code * on *", ["0x1F", "eth0"]),
        ("温度81.5度，超过上限75度", "温度*度，超过上限*度", ["81.5", "75"]),
        ("state=open uid=0", "state=open uid=*", ["0"]),
        ("user=root uid=0", "user=* uid=*", ["root", "0"]),
        (
            "at Sun Jul  3 10:05:25 PDT 2005 and 3 Jul 2005 10:05",
            "at * and *",
            ["Sun Jul  3 10:05:25 PDT 2005", "3 Jul 2005 10:05"],
        ),
        ("took <1 sec, 1.5 KB at 20 MB/s", "took *, * at *", ["<1 sec", "1.5 KB", "20 MB/s"]),
        ('"GET /v2/a7/list?all=True&b=c HTTP/1.1"', '"GET * HTTP/*"', ["/v2/a7/list?all=True&b=c", "1.1"]),
        ("to relay.example.net:80, (dsl-7.b.co.uk)", "to *, (*)", ["relay.example.net:80", "dsl-7.b.co.uk"]),
        (
            "by org.example.net.Face at main.rs:7 com.example.net",
            "by org.example.net.Face at main.rs:* com.example.net",
            ["7"],
        ),
        ("invalid user user [preauth]", "invalid user * [preauth]", ["user"]),
        ("user bob(uid=7) by eve(uid=0)", "user *(uid=*) by *(uid=*)", ["bob", "7", "eve", "0"]),
        ("Invalid user bob.", "Invalid user *.", ["bob"]),
        ("user requested, user not known, user 7", "user requested, user not known, user *", ["7"]),
        ("Failed password for uucp from 10.0.0.7", "Failed password for * from *", ["uucp", "10.0.0.7"]),
        ("waiting for reply from 10.0.0.7", "waiting for reply from *", ["10.0.0.7"]),
        (
            "ports 7, 8, 9; fans 3 4; delete blk_1 blk_-2",
            "ports *; fans * *; delete blk_*",
            ["7, 8, 9", "3", "4", "1 blk_-2"],
        ),
        ("  many \t blanks  7 ", "many blanks *", ["7"]),
        ("a <*> of its own", "a <*> of its own", []),
    ],
)
def test_masks_what_varies(text: str, form: str, texts: list[str]) -> None:
    line = masked(text)
    assert line.form == (form if "<*>" in form else form.replace("*", MASK))
    assert line.masked == texts


def test_a_line_without_words_has_no_form() -> None:
    assert mask_lines(pa.array(["", " \t ", "\u3000"], pa.string())) == [None, None, None]
    assert mask_lines(pa.array([], pa.string())) == []


def test_a_long_line_ends_in_one_mask_that_holds_the_rest() -> None:
    text = "start " + "word " * 40_000
    line = masked(text)
    assert len(line.words()) == MOST_WORDS
    assert line.words()[-1] == MASK
    assert len(line.masked[-1]) > 190_000
    endless = masked("x" * 64_000)
    assert endless.form == MASK
    assert len(endless.masked[0]) == 64_000
    assert len(masked("öä " * 3_000).form) <= LONGEST_FORM


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120))
def test_nothing_but_blanks_is_lost(text: str) -> None:
    [line] = mask_lines(pa.array([text], pa.string()))
    kept = text.replace("\x02", "\ufffd").replace("\x03", "\ufffd")
    if line is None:
        assert not kept.split()
    else:
        assert " ".join(line.written()).split() == kept.split()
        assert line.form.count(MASK) == len(line.masked)


WORDS = st.sampled_from(
    [
        "user",
        "for",
        "password",
        "from",
        "alice",
        "user=bob",
        "a.example.com:80",
        "(b-7.co.uk)",
        "blk_1",
        "blk_2,",
        "7,",
        "8",
        "9 KB",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=9).map(" ".join))
def test_nothing_is_lost_where_neighbours_give_names_away(text: str) -> None:
    [line] = mask_lines(pa.array([text], pa.string()))
    if text:
        assert line is not None
        assert " ".join(line.written()) == text
        assert line.form.count(MASK) == len(line.masked)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=4).map(" ".join)), max_size=12))
def test_a_line_is_masked_alike_in_any_company(texts: list[str]) -> None:
    assert mask_lines(pa.array(texts, pa.string())) == [mask_lines(pa.array([one], pa.string()))[0] for one in texts]
