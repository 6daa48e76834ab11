"""Mining templates: what lines become, how new they are, and what memory costs."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.template_model import TemplateModel
from operators.mine_templates import SILENCE_US, MineTemplates
from operators.template_tree import MOST_CHARACTERS, MOST_IN_GROUP, MOST_TEMPLATES, OPEN_AFTER, TemplateTree
from schemas.device_logs import DEVICE_LOGS
from schemas.identity import identity
from schemas.topic import TIMESTAMP
from tests.cut_runs import Store, assert_cuts_change_nothing, run
from tests.drawn_rows import rows

MINE = MineTemplates()
BEHIND_A_BUNDLE = MineTemplates(TemplateModel.named())
NOON = 1_790_000_000_000_000
HOUR = 3_600_000_000


def lines(*drawn: tuple[str, int, str | None], watermark: list[int | None] | None = None) -> pa.RecordBatch:
    """Rows of (device, microseconds, message); the watermark is the highest time before unless given."""
    devices, times, messages = zip(*drawn, strict=True) if drawn else ((), (), ())
    highs = np.maximum.accumulate(times).tolist() if drawn else []
    marks = [None, *highs[:-1]] if watermark is None else watermark
    columns = {
        "device_id": pa.array(devices, pa.string()),
        "event_time": pa.array(times, pa.int64()).cast(TIMESTAMP),
        "message": pa.array(messages, pa.string()),
        "watermark": pa.array(marks[: len(drawn)], pa.int64()).cast(TIMESTAMP),
    }
    return pa.RecordBatch.from_pydict(columns)


def of_one(*messages: str | None, step: int = 1_000_000) -> pa.RecordBatch:
    return lines(*(("d1", NOON + i * step, message) for i, message in enumerate(messages)))


def answers(out: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        tuple(row[name] for name in ("template", "template_id", "parameters", "novelty", "novelty_kind")) for row in out
    ]


def mined(batch: pa.RecordBatch, *cuts: int) -> list[tuple[Any, ...]]:
    return answers(run(MINE, batch, cuts))


def test_finds_the_template_of_each_line() -> None:
    out = run(
        MINE,
        rows(
            DEVICE_LOGS,
            """
            device_id | event_time | message
            d1        | 08:00      | link down on port 4
            d1        | 08:01      | user admin logged in from 10.0.0.7
            d1        | 08:02      | link down on port 17
            d1        | 08:03      | -
            d2        | 08:03      | link down on port 4
            """,
        ),
    )
    assert [row["template"] for row in out] == [
        "link down on port <*>",
        "user <*> logged in from <*>",
        "link down on port <*>",
        None,
        "link down on port <*>",
    ]
    assert [row["parameters"] for row in out] == [["4"], ["admin", "10.0.0.7"], ["17"], None, ["4"]]
    assert out[0]["template_id"] == out[2]["template_id"] == out[4]["template_id"]
    assert out[0]["template_id"] == identity("template", "link down on port \x02")
    assert out[3]["template_id"] is None and out[3]["novelty"] is None


def test_a_template_grows_general_where_names_differ_and_keeps_its_id() -> None:
    lines_of = (
        "unit (a.service) is up again now",
        "unit (b.timer) is up again now",
        "unit (a.service) is up again now",
    )
    out, again = mined(of_one(*lines_of[:2])), mined(of_one(*lines_of))
    assert out[0][0] == "unit (a.service) is up again now"
    assert out[1][0] == again[2][0] == "unit (<*>) is up again now"
    assert out[1][2] == ["b.timer"] and again[2][2] == ["a.service"]
    assert out[0][1] == out[1][1] == again[2][1] == identity("template", "unit (a.service) is up again now")


def test_words_of_text_are_never_joined() -> None:
    """Not by one word that differs: what a program says in two ways is two things."""
    out = mined(of_one("VM started on node 7 (lifecycle event)", "VM stopped on node 8 (lifecycle event)"))
    assert out[0][1] != out[1][1]


def test_a_place_is_open_once_many_words_have_stood_in_it() -> None:
    """Nobody said that these are names, but two dozen of them are no vocabulary; the eldest one's id lives on."""
    names = [f"n{chr(97 + i)}z" for i in range(26)]
    out = mined(of_one(*(f"guest {name} enters the hall" for name in names), "guest nobody enters the hall"))
    assert len({one[1] for one in out[: OPEN_AFTER - 1]}) == OPEN_AFTER - 1
    assert {one[1] for one in out[OPEN_AFTER - 1 :]} == {out[0][1]}
    assert out[-1][0] == "guest <*> enters the hall" and out[-1][2] == ["nobody"]


def test_templates_that_become_one_keep_the_eldests_id_and_lines() -> None:
    tree = TemplateTree()
    born = [tree.take(f"guest {chr(97 + i)}z enters the hall", NOON)[0] for i in range(OPEN_AFTER - 1)]
    ids = [template.id for template in born]
    kept, _ = tree.take("guest nobody enters the hall", NOON)
    assert (kept.id, kept.born, kept.seen.count) == (ids[0], 0, OPEN_AFTER)
    assert kept.merged == ids[1:]
    again, _ = TemplateTree(tree.stored()).take("guest az enters the hall", NOON)
    assert (again.id, again.seen.count) == (ids[0], OPEN_AFTER + 1)


def test_a_general_form_that_is_there_already_becomes_one_with_it() -> None:
    """The elder was born with the mask; a younger one that grows into the same form is counted with it."""
    tree = TemplateTree()
    elder, _ = tree.take("load a.so into a \x02 now", NOON)
    younger, _ = tree.take("load \x02 into a \x02 now", NOON)
    assert (
        younger is elder and elder.form == "load \x02 into a \x02 now" and elder.id != identity("template", elder.form)
    )


def test_lines_that_share_too_little_stay_apart() -> None:
    out = mined(of_one("VM paused by the host", "VM paused after one fault", "VM resumed by the host"))
    assert len({one[1] for one in out}) == 3


def test_novelty_rises_with_history_and_falls_with_repetition() -> None:
    usual = [f"heartbeat {i} sent" for i in range(200)]
    out = [one[3] for one in mined(of_one(*usual, "kernel panic", "kernel panic", "kernel panic", "heartbeat 1 sent"))]
    assert out[0] == 0.0, "a new device is not all novel"
    assert max(out[:200]) < 0.6
    assert out[199] < 0.001
    assert out[200] == 1.0
    assert 1.0 > out[201] > out[202] > 0.2
    assert out[203] < 0.001


def test_novelty_of_a_second_line_is_its_formula() -> None:
    novelty = mined(of_one(*["up"] * 19, "down", "up"))[20][3]
    n, c = 20, 19
    rare = 1 / (1 + c * (1 + 100 * c / n))
    age, usual = 2 / 3600, 1.0
    stale = age / (age + 24 * usual)
    assert novelty == pytest.approx(1 - (1 - rare) * (1 - stale), rel=1e-12)


def test_what_stays_away_longer_than_usual_is_new_again() -> None:
    hourly = [("d1", NOON + i * HOUR, "backup done") for i in range(48)]
    soon = mined(lines(*hourly, ("d1", NOON + 48 * HOUR, "backup done")))[-1][3]
    late = mined(lines(*hourly, ("d1", NOON + 96 * HOUR, "backup done")))[-1][3]
    assert soon < 0.05
    assert 0.6 < late < 0.75


def test_novelty_stays_within_bounds_when_time_runs_backwards() -> None:
    drawn = [("d1", NOON - i * HOUR, "tick") for i in range(60)]
    assert all(0.0 <= one[3] <= 1.0 for one in mined(lines(*drawn)))


@pytest.mark.parametrize("away", [SILENCE_US - 1, SILENCE_US, SILENCE_US + 1])
def test_memory_ends_when_the_watermark_is_thirty_days_past(away: int) -> None:
    drawn = [("d1", NOON + i, "tick") for i in range(30)]
    last = drawn[-1][1]
    batch = lines(*drawn, ("d1", last + away + 5, "tock"), watermark=[None] * 30 + [last + away])
    assert mined(batch, 30) == mined(batch)
    assert mined(batch)[-1][3] == (1.0 if away < SILENCE_US else 0.0)


def templates_in(store: Store) -> list[str]:
    [(_, (stored, _))] = msgspec.msgpack.decode(store["d1"]).values()
    return [one[1] for one in msgspec.msgpack.decode(stored)[3]]


def test_the_template_unused_for_longest_makes_room() -> None:
    names = [f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(MOST_TEMPLATES + 2)]
    store: Store = {}
    batch = of_one(*names[:MOST_TEMPLATES], names[0], *names[MOST_TEMPLATES:])
    out = run(MINE, batch, [100, 513], store)
    assert templates_in(store) == [*names[3:MOST_TEMPLATES], names[0], *names[MOST_TEMPLATES:]]
    assert answers(out) == mined(batch)


def test_long_lines_and_bytes_in_disguise_stay_within_the_bound() -> None:
    letters = ["".join(chr(97 + (i * j) % 26) for j in range(1, 900)) for i in range(1, 400)]
    store: Store = {}
    run(MINE, of_one(*letters, "\x00\x01\x02\x03" * 16_000, "é" * 64_000), store=store)
    assert sum(map(len, templates_in(store))) <= MOST_CHARACTERS
    assert len(store["d1"]) < 600_000


def test_hostile_lines_change_nothing_of_the_usual_ones() -> None:
    """64 KB, bytes in disguise, the marks themselves, 10,000 words: between them the usual lines say what they say."""
    usual = ["link down on port 4", "user eve logged in from 10.0.0.7", "unit (a.service) is up again now"]
    evil = [
        "x" * 65_536,
        "\x00\x01\x02\x03\x7f" * 13_000,
        "\x02 \x02 \x03",
        "a b " * 5_000,
        "7 " * 30_000,
        "\ufffd" * 900,
        "(" * 60_000,
    ]
    mixed = [line for pair in zip(usual * 7, evil * 3, strict=True) for line in pair]
    alone, among = mined(of_one(*usual * 7)), mined(of_one(*mixed), 5, 17)
    assert [one[:3] for one in among[::2]] == [one[:3] for one in alone]
    assert all(one[1] is not None and len(one[0]) <= 1_200 for one in among)


def test_distinct_lines_with_one_beginning_are_bounded_too() -> None:
    store: Store = {}
    texts = [
        f"same start {chr(97 + i % 26) * 3} {chr(97 + i // 26 % 26) * 4} {chr(97 + i // 676) * 5}" for i in range(9_000)
    ]
    run(MINE, of_one(*texts), store=store)
    assert len(templates_in(store)) <= MOST_IN_GROUP


WORDS = st.sampled_from(
    ["link", "down", "up", "port", "4", "17", "10.0.0.1", "user", "root", "<*>", "\x02", "门锁", "(a.so)", "b.so"]
)
MESSAGES = st.one_of(
    st.none(),
    st.lists(WORDS, min_size=0, max_size=5).map(" ".join),
    st.text(max_size=12),
    st.sampled_from(["a b c d e f g", "a b x d e f g", "a b c d e f y", "a b x d e f y", "a b c q e f g"]),
    st.sampled_from(["a.service: Succeeded.", "b.service: Succeeded.", "Removed session 7."]),
    st.sampled_from(["a b c.so d e", "a b x.so d e", "a b 7 d e", "a b () d e", "a b (c.so) d e", "a b c d e"]),
)
TIMES = st.one_of(
    st.integers(0, 40).map(lambda hours: NOON + hours * HOUR),
    st.sampled_from([0, -HOUR, NOON + SILENCE_US, NOON + 2 * SILENCE_US, 4_300_000_000_000_000]),
)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), TIMES, MESSAGES), max_size=40)


@settings(max_examples=120, deadline=None)
@given(drawn=ROWS, cuts=st.lists(st.integers(0, 40), max_size=5), mine=st.sampled_from([MINE, BEHIND_A_BUNDLE]))
def test_cuts_saves_and_restores_change_nothing(
    drawn: list[tuple[str, int, str | None]], cuts: list[int], mine: MineTemplates
) -> None:
    assert_cuts_change_nothing(mine, lines(*drawn), cuts)


@settings(max_examples=60, deadline=None)
@given(drawn=ROWS, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_cuts_change_nothing_where_templates_make_room(
    drawn: list[tuple[str, int, str | None]], cuts: list[int]
) -> None:
    """The same with so few templates that almost every row puts one out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("operators.template_tree.MOST_TEMPLATES", 3)
        patch.setattr("operators.template_tree.MOST_IN_GROUP", 2)
        patch.setattr("operators.template_tree.MOST_CHARACTERS", 40)
        patch.setattr("operators.template_tree.OPEN_AFTER", 2)
        assert_cuts_change_nothing(MINE, lines(*drawn), cuts)


@settings(max_examples=40, deadline=None)
@given(drawn=ROWS, names=st.permutations(["a", "b", "c"]))
def test_which_device_is_called_what_changes_nothing(
    drawn: list[tuple[str, int, str | None]], names: list[str]
) -> None:
    renamed = dict(zip("abc", names, strict=True))
    others = [(renamed[device], time, message) for device, time, message in drawn]
    assert mined(lines(*others)) == mined(lines(*drawn))


@settings(max_examples=60, deadline=None)
@given(drawn=ROWS)
def test_template_and_parameters_give_the_line_back(drawn: list[tuple[str, int, str | None]]) -> None:
    for (_, _, message), (template, _, parameters, _, _) in zip(drawn, mined(lines(*drawn)), strict=True):
        if template is None:
            assert message is None or not message.split()
            continue
        assert message is not None
        literal = "<*>" in message
        if not literal:
            texts = iter(parameters)
            first, *rest = template.split("<*>")
            whole = first + "".join(next(texts) + part for part in rest)
            assert whole.split() == message.replace("\x02", "\ufffd").replace("\x03", "\ufffd").split()
