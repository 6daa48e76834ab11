"""Parts of the console by themselves: marks in texts, the time axis, similar incidents, translations, templates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from pipelines.console.answer import own_path
from pipelines.console.app import words_of
from pipelines.console.evidence import Evidence
from pipelines.console.evidence_lanes import MOST_LANES, lanes_of
from pipelines.console.incident_board import Known
from pipelines.console.marked_text import marked_words, new_part
from pipelines.console.pages import PAGES
from pipelines.console.sessions import IDLE_S, MOST_SESSIONS, Sessions
from pipelines.console.similar_incidents import similar_to
from pipelines.console.templating import lasting, link, number
from pipelines.console.time_axis import MOST_TICKS, axis_around
from pipelines.words.translation import Translation, language_of

FOLDER = Path(__file__).parents[2] / "pipelines" / "console"
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
MINUTE_US = 60_000_000


def drawn(pieces: object) -> str:
    """Draw pieces of a text: what is marked stands in brackets, what varies in braces."""
    marks = {"new": "[{}]", "word": "[{}]", "varies": "{{{}}}", "": "{}"}
    return "".join(marks[one.kind].format(one.text) for one in pieces)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("There is a Burnt smell, burntish", ["burnt", "smell"], "There is a [Burnt] [smell], burntish"),
        ("充电枪烫得手都拿不住", ["烫", "拿不住"], "充电枪[烫]得手都[拿不住]"),
        ("unhappy", ["happy"], "un[happy]"),
        ("nothing here", ["else", ""], "nothing here"),
        ("", ["a"], ""),
        ("İstanbul is warm", ["warm"], "İstanbul is [warm]"),
    ],
)
def test_words_that_mattered_are_marked(text: str, words: list[str], marked: str) -> None:
    assert drawn(marked_words(text, words)) == marked


@given(st.text(max_size=60), st.lists(st.text(max_size=5), max_size=5))
def test_marking_words_changes_no_text(text: str, words: list[str]) -> None:
    assert "".join(one.text for one in marked_words(text, words)) == text


KNOWN = ["connection to <*> established", "connection to <*> lost", "door <*> open"]


@pytest.mark.parametrize(
    ("line", "earlier", "marked", "like"),
    [
        ("connection to 10.0.0.1 lost", KNOWN, "connection to {10.0.0.1} lost", KNOWN[1]),
        ("connection to 10.0.0.1 lost by force", KNOWN, "connection to {10.0.0.1} lost [by force]", KNOWN[1]),
        ("connection to 10.0.0.1 refused", KNOWN, "connection to {10.0.0.1} [refused]", KNOWN[0]),
        ("door upper open", KNOWN, "door upper open", KNOWN[2]),
        ("kernel panic in unit seven", KNOWN, "[kernel panic in unit seven]", None),
        ("connection to 10.0.0.1 lost", [], "connection to {10.0.0.1} lost", None),
        ("   ", KNOWN, "   ", None),
    ],
)
def test_the_new_part_of_a_line_is_marked(line: str, earlier: list[str], marked: str, like: str | None) -> None:
    found = new_part(line, earlier)
    assert (drawn(found.pieces), found.like) == (marked, like)
    assert found.is_new == ("[" in marked)


@given(st.integers(0, 4 * 10**15), st.integers(0, 40 * 86_400 * 10**6))
def test_a_time_axis_has_few_ticks_in_order_and_all_inside(begin: int, span: int) -> None:
    axis = axis_around(begin, begin + span)
    ticks = axis.ticks()
    places = [float(one.x.removesuffix("%")) for one in ticks]
    assert len(ticks) <= MOST_TICKS + 1
    assert places == sorted(places)
    assert all(0 <= one <= 100 for one in places)
    assert 0 < axis.share(begin) <= axis.share(begin + span) < 100


def test_many_devices_share_the_last_lane() -> None:
    evidence = [Evidence(f"e{n}", "log", f"2026-03-01T08:{n:02}:00Z", f"d{n}") for n in range(20)]
    axis = axis_around(1_772_352_000_000_000, 1_772_352_000_000_000 + 20 * MINUTE_US)
    lanes = lanes_of(evidence, ["d3"], [("started", axis.from_us), ("opened", axis.from_us + MINUTE_US)], axis)
    assert (lanes.devices[0], len(lanes.devices), lanes.others) == ("d3", MOST_LANES - 1, 20 - MOST_LANES + 1)
    assert len(lanes.marks) == 20
    assert [one.names for one in lanes.moments] == [("started", "opened"), ()]
    apart = lanes_of(evidence, [], [("started", axis.from_us), ("opened", axis.from_us + 3 * MINUTE_US)], axis)
    assert [one.names for one in apart.moments] == [("started", "opened"), ()], "on a telephone"
    assert [one.wide_names for one in apart.moments] == [("started",), ("opened",)]


def incident(number: int, **more: object) -> Known:
    known = Known(
        str(number), 1, "lab", "resolved", "major", "network", "router-1", "router-1 (router): it showed \"link down\"",
        f"2026-03-0{number}T08:00:00Z", ("router-1", "cam-1"), frozenset({"log"}), (), b"{}",
    )  # fmt: skip
    return replace(known, **more)  # type: ignore[arg-type]


def test_similar_incidents_are_earlier_and_the_most_similar_comes_first() -> None:
    now = incident(5)
    same, other = incident(1), incident(2, cause_device="cam-1", cause="cam-1: no picture")
    unlike = incident(3, site="barn", category="thermal", cause="boiler-1: hot", devices=("boiler-1",))
    later = incident(7)
    found = similar_to(now, [unlike, other, same, later, now])
    assert [one.incident.incident_id for one in found] == ["1", "2"]
    assert found[0].score == pytest.approx(1.0)
    assert found[0].devices == ("router-1", "cam-1")


def test_sessions_end_when_idle_and_are_bounded() -> None:
    now_s = [0.0]
    sessions = Sessions(lambda: now_s[0])
    first = sessions.begin("ann")
    now_s[0] += IDLE_S
    assert sessions.find(first) is not None
    now_s[0] += IDLE_S + 1
    assert sessions.find(first) is None
    cookies = [sessions.begin(str(n)) for n in range(MOST_SESSIONS + 1)]
    assert sessions.find(cookies[0]) is None
    assert sessions.find(cookies[1]) is not None
    sessions.end(cookies[1])
    assert sessions.find(cookies[1]) is None


@given(st.text(max_size=40))
def test_only_own_paths_are_gone_to(path: str) -> None:
    gone = own_path(path)
    assert gone in (path, "/")
    assert gone.startswith("/")
    assert gone[1:2] not in ("/", "\\")


def test_small_things() -> None:
    assert [language_of(None, one) for one in ("zh-CN,en", "de, en;q=0.5", "", "x" * 5000)] == ["zh", "en", "en", "en"]
    assert language_of("en", "zh") == "en"
    assert [number(one) for one in (1234567, 0.123456, 12345.6, None, True, "5")] == [
        "1,234,567",
        "0.1235",
        "12,346",
        "–",
        "–",
        "–",
    ]
    assert [lasting(one) for one in (0, 59, 3600, 90_061, None, -1)] == ["0 s", "59 s", "1 h", "1 d 1 h", "–", "–"]
    assert [link(one) for one in ("https://a.example/b", "javascript:alert(1)", "https://a b", None, " https://x")] == [
        "https://a.example/b", "", "", "", "",
    ]  # fmt: skip
    assert Translation("en", {}).count(1, "{n} alert", "{n} alerts") == "1 alert"
    assert Translation("zh", {"{n} alerts": "{n} 条"}).count(1, "{n} alert", "{n} alerts") == "1 条"


# --- templates ---


def said_in(template: Path) -> set[str]:
    """Return the English texts that a template says: the constants among the arguments of t and tn."""
    tree = Environment(autoescape=True).parse(template.read_text(encoding="utf-8"))
    texts: set[str] = set()
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("t", "tn"):
            constants = [one for argument in call.args for one in _constants(argument)]
            texts.update(constants if call.node.name == "t" else [constants[-1]])
    return texts


def _constants(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.Const):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, nodes.CondExpr):
        return [*_constants(node.expr1), *(_constants(node.expr2) if node.expr2 is not None else [])]
    return []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_every_text_of_a_template_is_known_in_chinese(template: Path) -> None:
    chinese = words_of("zh")
    assert sorted(one for one in said_in(template) if one and one not in chinese) == []


def test_titles_are_known_in_chinese_and_fields_are_the_same() -> None:
    chinese = words_of("zh")
    assert [page.title for page in PAGES if page.title and page.title not in chinese] == []
    fields = {english: {one.partition("}")[0] for one in english.split("{")[1:]} for english in chinese}
    wrong = [
        english
        for english, text in chinese.items()
        if not {one.partition("}")[0] for one in text.split("{")[1:]} <= fields[english]
    ]
    assert wrong == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_a_template_escapes_everything_and_has_no_inline_script_or_style(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    tree = Environment(autoescape=True).parse(text)
    assert [one.name for one in tree.find_all(nodes.Filter) if one.name == "safe"] == []
    assert list(tree.find_all(nodes.MarkSafe)) == []
    assert "autoescape" not in text
    assert " style=" not in text
    assert "<style" not in text
    assert [one for one in text.split("<script")[1:] if not one.startswith(' src="/static/')] == []
    assert [one for one in (" onclick=", " onload=", " onchange=", " onsubmit=", "javascript:") if one in text] == []
    assert text.count('method="post"') <= text.count("csrf()") + ('action="/login"' in text)


def test_the_script_writes_no_html() -> None:
    text = (FOLDER / "static" / "console.js").read_text(encoding="utf-8")
    assert [
        one for one in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write") if one in text
    ] == []
    assert "http" not in text.replace("https://", "http").replace("text/html", "")
